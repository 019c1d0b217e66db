"""Requirements out of a ``pyproject.toml`` (PEP 621, PEP 735) or a ``pylock.toml`` (PEP 751)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging import errors as packaging_errors
from packaging.dependency_groups import resolve_dependency_groups
from packaging.pylock import Package, Pylock, PylockValidationError
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.single import SyntaxProblem, advice, parse_requirement
from wheelyard.config.urls import without_credentials
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import nearest, read_text, shown


def read_toml(path: Path, name: str) -> dict[str, object]:
    """Read a TOML file.

    :raises ConfigError: if it is not there, or is no TOML: with its line.
    """
    try:
        return tomllib.loads(read_text(path, name))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=name, hint="correct the line that is named") from error


def from_pyproject(
    path: Path, root: Path, *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> tuple[Requirement, ...]:
    """Return what a project depends on, with some of its extras and dependency groups.

    :raises ConfigError: if the file is wrong, or has no such extra or group.
    """
    name = shown(path, root)
    data = read_toml(path, name)
    lines: list[tuple[str, str]] = []
    project = data.get("project", {})
    if not isinstance(project, dict):
        raise ConfigError("expected a table", where=f"{name}: [project]", hint="see PEP 621")
    if not project and not groups:
        raise ConfigError("no [project] table", where=name, hint="name requirements files, or dependency groups")
    lines += [(each, "[project] dependencies") for each in _listed(project, "dependencies", name)]
    lines += _extras_of(project, extras, name)
    lines += _groups_of(data.get("dependency-groups", {}), groups, name)
    return tuple(_read(text, path, root, f"{name}: {place}") for text, place in dict.fromkeys(lines))


def _read(text: str, path: Path, root: Path, where: str) -> Requirement:
    try:
        found = parse_requirement(text, path.parent, root, origin=shown(path, root), line=0)
    except SyntaxProblem as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from error
    return found.value


def _listed(project: Mapping[str, object], key: str, name: str) -> list[str]:
    dynamic = project.get("dynamic", [])
    if isinstance(dynamic, list) and key in dynamic:
        raise ConfigError(
            f"{key} are dynamic: only a build of the project tells them",
            where=f"{name}: [project] dynamic",
            hint="require the project's folder in a requirements file instead: ./",
        )
    value = project.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ConfigError("expected a list of texts", where=f"{name}: [project] {key}", hint="see PEP 621")
    return value


def _extras_of(project: Mapping[str, object], wanted: Sequence[str], name: str) -> list[tuple[str, str]]:
    """Return the lines of some extras, where one may ask for others of the same project: ``all = ["me[a,b]"]``."""
    table = project.get("optional-dependencies", {})
    if wanted and not isinstance(table, dict):
        raise ConfigError("expected a table", where=f"{name}: [project.optional-dependencies]", hint="see PEP 621")
    known: dict[str, object] = {}
    if isinstance(table, dict):
        known = {canonicalize_name(key): value for key, value in table.items()}
    own = canonicalize_name(str(project.get("name", "")))
    lines: list[tuple[str, str]] = []
    waiting = [canonicalize_name(each) for each in wanted]
    seen: set[str] = set()
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        if extra not in known:
            raise ConfigError(
                f"no extra {extra!r}", where=f"{name}: [project.optional-dependencies]", hint=nearest(extra, known)
            )
        place = f"[project.optional-dependencies] {extra}"
        for text in _listed(known, extra, name):
            try:
                parsed = Parsed(text)
            except InvalidRequirement as error:
                raise ConfigError(f"{text!r} is no requirement", where=f"{name}: {place}", hint=advice(text)) from error
            if own and canonicalize_name(parsed.name) == own:
                waiting += [canonicalize_name(each) for each in sorted(parsed.extras)]
            else:
                lines.append((text, place))
    return lines


def _groups_of(table: object, wanted: Sequence[str], name: str) -> list[tuple[str, str]]:
    if not wanted:
        return []
    where = f"{name}: [dependency-groups]"
    if not isinstance(table, dict):
        raise ConfigError("expected a table", where=where, hint="see PEP 735")
    known = {canonicalize_name(str(key)) for key in table}
    for group in wanted:
        if canonicalize_name(group) not in known:
            raise ConfigError(f"no dependency group {group!r}", where=where, hint=nearest(group, map(str, table)))
    lines: list[tuple[str, str]] = []
    for group in wanted:
        try:
            lines += [(text, f"[dependency-groups] {group}") for text in resolve_dependency_groups(table, group)]
        except (ValueError, LookupError, TypeError, AttributeError, packaging_errors.ExceptionGroup) as error:
            raise ConfigError(f"{group}: {_flat(error)}", where=where, hint="see PEP 735") from error
    return lines


def _flat(error: BaseException) -> str:
    """Return the messages of an error, or of all that a group holds."""
    inner = getattr(error, "exceptions", None)
    if isinstance(inner, Iterable):
        return "; ".join(_flat(each) for each in inner)
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)


def from_pylock(path: Path, root: Path) -> tuple[Requirement, ...]:
    """Return the pins of a lock file, with the hashes of its files.

    :raises ConfigError: if the file is wrong or has what cannot be carried (version control, editable folders).
    """
    name = shown(path, root)
    try:
        lock = Pylock.from_dict(read_toml(path, name))
        lock.validate()
    except (PylockValidationError, ValueError, TypeError) as error:
        raise ConfigError(
            str(error), where=name, hint="see PEP 751, or lock again with the tool that made it"
        ) from error
    return tuple(_pin(package, number, path, root, name) for number, package in enumerate(lock.packages))


def _pin(package: Package, number: int, path: Path, root: Path, name: str) -> Requirement:
    where = f"{name}: packages[{number}] {package.name}"
    marker = str(package.marker) if package.marker else ""
    if package.vcs is not None:
        raise ConfigError("from version control", where=where, hint="name a release, or an sdist built from it")
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    hashes = [file.hashes["sha256"] for file in files if "sha256" in file.hashes]
    if package.archive is not None or package.directory is not None:
        text, hashes = _place(package, hashes, where)
        text = f"{package.name} @ {text}"
    elif package.version is not None:
        text = f"{package.name}=={package.version}"
    else:
        raise ConfigError("no version", where=where, hint="lock again with a version for every package")
    line = _read(f"{text} ; {marker}" if marker else text, path, root, where)
    return Requirement(
        text=line.text,
        origin=line.origin,
        line=0,
        direct=line.direct,
        hashes=tuple(sorted(f"sha256:{digest.lower()}" for digest in set(hashes))),
    )


def _place(package: Package, hashes: list[str], where: str) -> tuple[str, list[str]]:
    """Return path or URL of a package that is one archive or folder, and the archive's hash."""
    if package.directory is not None:
        if package.directory.editable:
            raise ConfigError("editable", where=where, hint="an editable folder cannot be carried to another host")
        return f"./{package.directory.path}", []
    archive = package.archive
    assert archive is not None  # noqa: S101  (the caller looked)
    own = [archive.hashes["sha256"]] if "sha256" in archive.hashes else hashes
    if archive.url:
        try:
            return without_credentials(archive.url)[0], own
        except ValueError as error:
            raise ConfigError(str(error), where=where, hint="lock again") from error
    return f"./{archive.path}", own
