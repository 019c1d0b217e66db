"""pip's requirements file format, with the place that each thing was written at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.config.inputs import options
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.lines import LogicalLine, logical
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.single import parse_requirement
from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.config.urls import (
    UnsetVariableError,
    expand,
    is_folder,
    local_path,
    unexpanded,
    user_path,
    without_credentials,
    without_query,
)
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.index import IndexSource
from wheelyard.schema.problems import Problems, nearest, read_text, shown

_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of the hashes that pip takes."""
_OPTIONS_BEGIN = re.compile(r"\s(?=--?[A-Za-z])")


def matches(path: Path) -> bool:
    """Whether a file is in this format: everything that is no TOML."""
    return path.suffix != ".toml"


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what a requirements file says, and those that it includes; mistakes go to ``problems``."""
    if selection != ALL_DEFAULT:
        problems.add("a requirements file has no extras and groups", where=shown(path, root), hint="take them out")
    reader = RequirementsReader(root, problems)
    reader.read(path)
    return reader.gathered


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return name


@dataclass(slots=True)
class RequirementsReader:
    """Reads requirements files and those that they include; mistakes go to ``problems``."""

    root: Path
    """Shown paths are relative to this."""
    problems: Problems
    gathered: Gathered = field(default_factory=Gathered)
    _open: list[Path] = field(default_factory=list)
    _done: set[tuple[Path, bool]] = field(default_factory=set)

    def read(self, path: Path, *, constraints: bool = False, where: str | None = None) -> None:
        """Read one file; ``where`` is the place that named it."""
        real = path.resolve()
        name = shown(path, self.root)
        from wheelyard.config.inputs import format_of  # here: that room lists this one

        if getattr(format_of(path), "read", read) is not read:
            hint = 'name it in wheelyard.toml: requirements = ["' + path.name + '"]'
            self.problems.add("no requirements file: it cannot be included, nor be a constraint", where=name, hint=hint)
            return
        if real in self._open:
            chain = " -> ".join(shown(opened, self.root) for opened in [*self._open, real])
            self.problems.add(f"includes itself: {chain}", where=where or name, hint="take one of the includes out")
            return
        if (real, constraints) in self._done:
            return
        self._done.add((real, constraints))
        try:
            content = read_text(path, name)
        except ConfigError as error:
            message = error.message if where is None else f"{name}: {error.message}"
            self.problems.note(ConfigError(message, hint=error.hint), where=where or name)
            return
        self._open.append(real)
        for line in logical(content):
            self._line(line, path, name, constraints)
        self._open.pop()

    def line(self, text: str, number: int, path: Path) -> None:
        """Read one line that another file holds in this format."""
        self._line(LogicalLine(number, text), path, shown(path, self.root), constraints=False)

    def _line(self, line: LogicalLine, path: Path, name: str, constraints: bool) -> None:
        where = f"{name}:{line.number}"
        try:
            text = expand(line.text)
            if "\x00" in text:
                raise SyntaxProblem("a NUL character in the line", "take it out")
            if text.startswith("-"):
                self._option(text, line.number, path, name, constraints)
            else:
                self._requirement(text, line.number, path, name, constraints)
        except UnsetVariableError as error:
            self.problems.add(str(error), where=where, hint="set it, or write the value")
        except SyntaxProblem as error:
            hint = None if error.hint is None else unexpanded(error.hint, line.text)
            self.problems.add(unexpanded(error.message, line.text), where=where, hint=hint)

    def _requirement(self, text: str, number: int, path: Path, name: str, constraints: bool) -> None:
        begin = _OPTIONS_BEGIN.search(text)
        body, tail = (text[: begin.start()], text[begin.end() :]) if begin else (text, "")
        found = options.of_requirement(tail)
        requirement = parse_requirement(body.strip(), path.parent, self.root, origin=name, line=number)
        self.gathered.credentials.update(requirement.credentials)
        self.gathered.queries.update(requirement.queries)
        value = requirement.with_hashes(_usable(found.hashes))
        if constraints:
            if not value.text:
                raise SyntaxProblem("a constraint needs the project's name", "write: name @ URL")
            if requirement.extras:
                raise SyntaxProblem("a constraint cannot have extras", "ask for the extras in the requirements file")
            self.gathered.constraints.append(value)
            return
        self.gathered.requirements.append(value)
        if found.config_settings:
            if not requirement.name:
                raise SyntaxProblem("config settings need the project's name", "write: name @ URL")
            self.gathered.config_settings.setdefault(requirement.name, {}).update(found.config_settings)

    def _editable(self, value: str, number: int, path: Path, name: str) -> None:
        """Take an editable project as what it is on another host: the wheel of its folder."""
        if "://" not in value and not value.startswith(("file:", "~", "/", ".")):
            value = f"./{value}"
        self._requirement(value, number, path, name, constraints=False)

    def _option(self, text: str, number: int, path: Path, name: str, constraints: bool) -> None:
        where = f"{name}:{number}"
        option, value = options.of_file(text)
        gathered = self.gathered
        actions: dict[str, Callable[[], object]] = {
            "--requirement": lambda: self._include(value, path, where, constraints=constraints),
            "--constraint": lambda: self._include(value, path, where, constraints=True),
            "--editable": lambda: self._editable(value, number, path, name),
            "--index-url": lambda: self._index(value),
            "--extra-index-url": lambda: self._extra(value, path, "simple"),
            "--find-links": lambda: self._extra(value, path, "find-links"),
            "--trusted-host": lambda: gathered.trusted_hosts.add(value.lower()),
            "--only-binary": lambda: merge_names(gathered.only_binary, gathered.no_binary, value),
            "--no-binary": lambda: merge_names(gathered.no_binary, gathered.only_binary, value),
            "--no-index": lambda: setattr(gathered, "no_index", True),
            "--pre": lambda: setattr(gathered, "prereleases", True),
            "--prefer-binary": lambda: setattr(gathered, "prefer_binary", True),
            "--require-hashes": lambda: setattr(gathered, "require_hashes", True),
            "--use-feature": lambda: None,
        }
        actions[option]()

    def _include(self, value: str, path: Path, where: str, *, constraints: bool) -> None:
        if "://" in value and local_path(value) is None:
            raise SyntaxProblem("a requirements file from the network is not read", "download it and name the file")
        target = Path(local_path(value) or value)
        self.read(path.parent / target, constraints=constraints, where=where)

    def _index(self, value: str) -> None:
        self.gathered.index = IndexSource(name="index", url=self._simple(value))

    def _extra(self, value: str, path: Path, kind: str) -> None:
        number = 1 + sum(option.kind == kind for option in self.gathered.extra)
        if kind == "simple":
            source = IndexSource(name=f"extra-index-{number}", url=self._simple(value))
        else:
            url = self._url(value) if "://" in value else self._folder(value, path)
            source = IndexSource(name=f"find-links-{number}", url=url, kind="find-links")
        self.gathered.extra.append(source)

    def _folder(self, value: str, path: Path) -> str:
        """Return the URL of a find-links folder, which may be named from the file's folder or from the root."""
        local = local_path(value) if value.startswith("file:") else value
        for base in (path.parent, self.root):
            if is_folder(folder := base / user_path(local or value)):
                return folder.resolve().as_uri()
        raise SyntaxProblem(f"no such folder: {value}", "find-links wants a folder with wheels, or a URL")

    def _simple(self, value: str) -> str:
        try:
            return without_query(self._url(value))
        except ValueError as error:
            raise SyntaxProblem(str(error), "write: https://host/simple") from error

    def _url(self, value: str) -> str:
        try:
            url, credentials = without_credentials(value)
        except SyntaxProblem:
            raise
        except ValueError as error:
            raise SyntaxProblem(f"not the URL of an index: {error}", "it begins with https:// (or file:/)") from None
        if not re.match(r"(https?://[^/]|file:/)", url):
            raise SyntaxProblem("not the URL of an index", "it begins with https:// (or file:/)")
        self.gathered.credentials.update(credentials)
        return url


def _usable(hashes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the SHA-256 ones of a requirement's hashes, as indexes promise these; the others where there is none."""
    good: list[str] = []
    for pinned in hashes:
        algorithm, _, digest = pinned.partition(":")
        digits = _DIGITS.get(algorithm)
        if digits is None:
            known = nearest(algorithm, _DIGITS)
            raise SyntaxProblem(f"hash of an unknown or weak kind: {algorithm!r}", known)
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", digest.lower()):
            raise SyntaxProblem(
                f"not a SHA-{algorithm[3:]} digest", f"it has {digits} hexadecimal digits: --hash={algorithm}:…"
            )
        good.append(f"{algorithm}:{digest.lower()}")
    return tuple(pinned for pinned in good if pinned.startswith("sha256:")) or tuple(good)


def merge_names(mine: set[str], other: set[str], value: str) -> None:
    """Put names of ``--only-binary``/``--no-binary`` into a set, and out of its opposite, as pip does.

    ``:all:`` takes all, ``:none:`` empties.
    """
    for name in filter(None, (part.strip() for part in value.split(","))):
        if name == ":none:":
            mine.clear()
        elif name == ":all:":
            mine.clear()
            mine.add(name)
            other.clear()
        else:
            mine.add(canonicalize_name(name))
            other.discard(canonicalize_name(name))
