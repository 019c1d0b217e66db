"""One requirement: PEP 508, or a URL or path of a distribution."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
)

from wheelyard.config.inputs.repositories import is_repository, read_repository
from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.config.urls import is_file, is_folder, local_path, user_path, without_credentials
from wheelyard.domain import wheel_name
from wheelyard.domain.redact import hide_line
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import shown

_NAMED_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*@")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_ARCHIVE = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_EXTRAS = re.compile(r"(?P<place>.*[^\s\]])\s*\[(?P<extras>[A-Za-z0-9._,\s-]*)\]")
_FRAGMENT_HASH = re.compile(r"sha256=([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequirement:
    """A requirement, and what was learnt while it was read."""

    value: Requirement
    name: str | None
    """Normalised, where it is known."""
    extras: tuple[str, ...] = ()
    credentials: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    queries: dict[str, str] = field(default_factory=dict, repr=False)
    """Of a URL that had one (it may be a token), by the URL without it."""

    def with_hashes(self, hashes: tuple[str, ...]) -> Requirement:
        """Return the requirement with these hashes beside the ones of its URL."""
        return dataclasses.replace(self.value, hashes=tuple(dict.fromkeys((*self.value.hashes, *hashes))))


def parse_requirement(text: str, folder: Path, root: Path, *, origin: str, line: int) -> ParsedRequirement:
    """Read one requirement.

    :param folder: what relative paths are relative to first; ``root`` comes second, and is what they are shown from.
    :raises SyntaxProblem: saying what to do about it.
    """
    if _NAMED_URL.match(text):
        parsed = _pep508(text)
        return _direct(parsed.url or "", parsed, folder, root, Requirement(text="", origin=origin, line=line))
    body, marker = _split_marker(text)
    if _is_place(body):
        match = _EXTRAS.fullmatch(body)
        place, extras = (match["place"], match["extras"]) if match else (body, "")
        blank = Requirement(text="", origin=origin, line=line)
        return _direct(place, _Asked(_extras(extras), _marker(marker)), folder, root, blank)
    parsed = _pep508(text)
    return ParsedRequirement(
        value=Requirement(text=str(parsed), origin=origin, line=line),
        name=canonicalize_name(parsed.name),
        extras=tuple(sorted(parsed.extras)),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Extras and marker of a place without a name: the same attributes as packaging's Requirement."""

    extras: tuple[str, ...]
    marker: Marker | None
    name: str | None = None


def _is_place(text: str) -> bool:
    bare = text.split("[")[0].strip()
    return bool(
        _URL.match(text)
        or text.startswith(("file:", "./", "../", "~", "/", "."))
        or "/" in bare
        or "\\" in bare
        or bare.lower().endswith(_ARCHIVE)
    )


def _split_marker(text: str) -> tuple[str, str]:
    """Split ``place ; marker``; in a URL the semicolon must have a blank before it (PEP 508)."""
    separator = re.search(r"\s;" if _URL.match(text) else r"\s*;", text)
    if separator is None:
        return text, ""
    return text[: separator.start()].strip(), text[separator.end() :].strip()


def _marker(text: str) -> Marker | None:
    try:
        return Marker(text) if text else None
    except (InvalidMarker, RecursionError) as error:
        raise SyntaxProblem(f"invalid marker: {_first_line(error)}", 'an example: ; python_version < "3.11"') from error


def _extras(text: str) -> tuple[str, ...]:
    return tuple(sorted({part.strip() for part in text.split(",") if part.strip()}))


def _pep508(text: str) -> Parsed:
    try:
        return Parsed(text)
    except (InvalidRequirement, RecursionError) as error:
        raise SyntaxProblem(f"{_short(text)!r} is no requirement: {_first_line(error)}", advice(text)) from error


def _short(text: str) -> str:
    text = hide_line(text)
    return text if len(text) <= 100 else text[:97] + "..."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["not understood"])[0]


def advice(text: str) -> str:
    """Return what a person who wrote this most likely meant."""
    head = text.split(";")[0].strip()
    if any(quote in text for quote in "“”‘’"):
        return "typographic quotation marks: use plain ' or \""
    if match := re.search(r"(=>|=<|=!|><|===+=)", head):
        return f"write {match[0][::-1]} instead of {match[0]}" if match[0] in ("=>", "=<", "=!") else "write == or !="
    if re.fullmatch(r"[A-Za-z0-9._-]+\s*=\s*[A-Za-z0-9][^=<>]*", head):
        return "a version is pinned with two signs: " + re.sub(r"\s*=\s*", "==", head, count=1)
    if match := re.fullmatch(r"([A-Za-z0-9._-]+)\s+v?([0-9][A-Za-z0-9.]*)", head):
        return f"did you mean {match[1]}=={match[2]}?"
    if text.count("[") != text.count("]"):
        return "close the bracket of the extras: name[extra]"
    if ";" in text:
        return 'write markers as: name>=1.0; python_version < "3.11"'
    return "write: name[extras]>=1.0,<2; marker"


def _direct(place: str, asked: Parsed | _Asked, folder: Path, root: Path, blank: Requirement) -> ParsedRequirement:
    """Return the requirement of a URL or path, with its name where file name or project table tell it."""
    if is_repository(place):
        return _in_repository(place, asked, blank)
    try:
        url, credentials = without_credentials(place) if _URL.match(place) else (place, {})
    except ValueError as error:
        raise SyntaxProblem(str(error), "check its host and port") from error
    bare, _, fragment = url.partition("#")
    query = ""
    if "subdirectory=" in fragment:
        raise SyntaxProblem("a subdirectory of an archive cannot be built", "name the folder, or an sdist of it")
    hashes = tuple(f"sha256:{digest.lower()}" for digest in _FRAGMENT_HASH.findall(fragment))
    if bare.startswith("file:") and local_path(bare) is None and not bare.startswith("file:/"):
        bare = bare.removeprefix("file:")
    local = local_path(bare)
    if local is None and _URL.match(bare):
        bare, _, query = bare.partition("?")
        direct, name = _remote(bare) + ("?" if query else ""), _name_of_file(bare.rpartition("/")[2])
    else:
        path = _existing(local or bare, folder, root)
        direct = shown(path, root)
        name = _name_of_folder(path) if path.is_dir() else _name_of_file(path.name)
    egg = re.search(r"(?:^|&)egg=([A-Za-z0-9][A-Za-z0-9._-]*)", fragment)
    wanted = asked.name or (egg[1] if egg else None)
    if wanted and name and canonicalize_name(wanted) != canonicalize_name(name):
        raise SyntaxProblem(f"{wanted!r} is asked for, but the file is of {name!r}", "correct one of the two")
    return _required(
        dataclasses.replace(blank, direct=direct, hashes=hashes),
        asked,
        wanted or name,
        credentials=credentials,
        queries={direct: query} if query else {},
    )


def _in_repository(place: str, asked: Parsed | _Asked, blank: Requirement) -> ParsedRequirement:
    written = read_repository(place)
    name = asked.name or written.name
    if written.name and name and canonicalize_name(written.name) != canonicalize_name(name):
        raise SyntaxProblem(f"{name!r} is asked for, but the URL says {written.name!r}", "correct one of the two")
    value = dataclasses.replace(blank, direct=written.repository.direct)
    return _required(value, asked, name, extras=written.extras, credentials=written.credentials)


def _required(
    value: Requirement,
    asked: Parsed | _Asked,
    name: str | None,
    *,
    extras: Iterable[str] = (),
    credentials: dict[str, tuple[str, str]],
    queries: dict[str, str] | None = None,
) -> ParsedRequirement:
    """Return a direct requirement with what is asked of it: in its text where the name is known."""
    extras = tuple(sorted({*asked.extras, *extras}))
    marker = str(asked.marker) if asked.marker else None
    if name is None:
        value = dataclasses.replace(value, extras=extras, marker=marker)
    else:
        written = f"{name}[{','.join(extras)}]" if extras else name
        value = dataclasses.replace(value, text=f"{written} @ {value.direct}" + (f" ; {marker}" if marker else ""))
    return ParsedRequirement(
        value=value,
        name=canonicalize_name(name) if name else None,
        extras=extras,
        credentials=credentials,
        queries=queries or {},
    )


def _remote(url: str) -> str:
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise SyntaxProblem(f"cannot fetch from {url.split(':')[0]}:", "use https://, or a local path")
    if not url.lower().endswith(_ARCHIVE):
        raise SyntaxProblem("the URL is not that of a wheel or sdist", "it ends in .whl, .tar.gz or .zip")
    return url


def _existing(text: str, folder: Path, root: Path) -> Path:
    for base in (folder, root):
        path = Path(os.path.normpath(base / user_path(text)))
        if is_file(path):
            if not path.name.lower().endswith(_ARCHIVE):
                raise SyntaxProblem(f"not a wheel or sdist: {_short(text)}", "-r includes a requirements file")
            return path
        if is_folder(path):
            if not any(is_file(path / name) for name in ("pyproject.toml", "setup.py")):
                raise SyntaxProblem(
                    f"no project in folder {_short(text)}",
                    "it holds neither pyproject.toml nor setup.py; -f names a folder of wheels",
                )
            return path
    raise SyntaxProblem(f"no such file or folder: {_short(text)}", "paths are relative to the requirements file")


def _name_of_file(filename: str) -> str | None:
    filename = unquote(filename)
    if filename.lower().endswith(".whl"):
        try:
            return wheel_name.parse(filename).project
        except InvalidWheelFilename as error:
            raise SyntaxProblem(f"not the name of a wheel: {_first_line(error)}", "wheels keep their name") from error
    try:
        return str(parse_sdist_filename(filename)[0])
    except InvalidSdistFilename:
        return None


def _name_of_folder(path: Path) -> str | None:
    """Return the name that ``[project]`` of a folder's pyproject.toml says (PEP 621: it cannot be dynamic)."""
    try:
        project = tomllib.loads((path / "pyproject.toml").read_text("utf-8")).get("project", {})
    except (OSError, ValueError, RecursionError):
        return None
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) else None
