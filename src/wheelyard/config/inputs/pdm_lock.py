"""``pdm.lock``: PDM's lock, for one or several of its targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import field
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.lock_files import (
    REFUSED_FOLDER,
    REFUSED_VCS,
    LockTable,
    check,
    declared,
    place_of_file,
    place_of_repository,
    sha256s,
)
from wheelyard.config.inputs.pyproject import from_pyproject
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_toml
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.foreign_lock import ForeignEdge, ForeignLock, ForeignPackage
from wheelyard.domain.redact import hide
from wheelyard.schema.problems import Problems, shown

_TOOL = "pdm lock"
_SYSTEMS = {"linux": "linux", "manylinux": "linux", "musllinux": "linux", "macos": "darwin", "windows": "win32"}


class _File(LockTable, frozen=True):
    hash: str | None = None


class _Target(LockTable, frozen=True, rename=None):
    requires_python: str | None = None
    platform: str | None = None
    implementation: str | None = None


class _Package(LockTable, frozen=True, rename=None):
    name: str
    version: str | None = None
    requires_python: str | None = None
    groups: list[str] = field(default_factory=list)
    marker: str | None = None
    extras: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    git: str | None = None
    ref: str | None = None
    revision: str | None = None
    subdirectory: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None
    path: str | None = None
    url: str | None = None

    @property
    def key(self) -> str:
        return f"{self.name}[{','.join(sorted(self.extras))}] {self.version} {self.url} {self.path}"

    @property
    def other_repository(self) -> str | None:
        return self.hg or self.svn or self.bzr


class _Metadata(LockTable, frozen=True, rename=None):
    lock_version: str = ""
    groups: list[str] = field(default_factory=list)
    strategy: list[str] = field(default_factory=list)
    targets: list[_Target] = field(default_factory=list)


class _PdmLock(LockTable, frozen=True):
    metadata: _Metadata
    package: list[_Package] = field(default_factory=list)


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name == "pdm.lock"


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the file has locked; mistakes go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [], groups = [] }}"


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    lock = declared(_PdmLock, read_toml(path, name), name, _TOOL)
    there = set(lock.metadata.groups) - {"default"}
    selection.check(name, extras=there, groups=there)  # PDM has one list for both
    wanted = frozenset(("default", *selection.extra_names, *selection.group_names))
    decided = "inherit_metadata" in lock.metadata.strategy
    packages = [
        each
        for each in lock.package
        if not decided or wanted.intersection(canonicalize_name(group) for group in each.groups)
    ]
    by_name: dict[str, list[_Package]] = {}
    for each in packages:
        by_name.setdefault(canonicalize_name(each.name), []).append(each)
    gathered.locks.append(
        check(
            ForeignLock(
                origin=name,
                tool=_TOOL,
                packages=tuple(
                    _package(package, path, root, gathered, by_name, decided=decided) for package in packages
                ),
                roots=None if decided else tuple(_roots(path, root, selection, by_name)),
                environments=tuple(filter(None, map(_environment, lock.metadata.targets))),
            )
        )
    )


def _environment(target: _Target) -> str:
    """Return the marker of what the lock was made for, as far as a marker can say it."""
    parts = []
    if target.requires_python:
        for clause in target.requires_python.split(","):
            sign = clause.strip().rstrip("0123456789.*abrcpostdev")
            parts.append(f'python_full_version {sign.strip()} "{clause.strip().removeprefix(sign).strip()}"')
    if target.platform:
        system = _SYSTEMS.get(target.platform.partition("_")[0])
        parts += [f'sys_platform == "{system}"'] if system else []
    if target.implementation:
        parts.append(f'implementation_name == "{target.implementation}"')
    return " and ".join(parts)


def _package(
    each: _Package,
    path: Path,
    root: Path,
    gathered: Gathered,
    by_name: Mapping[str, list[_Package]],
    *,
    decided: bool,
) -> ForeignPackage:
    where = f"{shown(path, root)}: {each.name} {each.version or ''}".rstrip()
    direct = refused = None
    place = each.url or each.path
    if each.git is not None:
        direct = place_of_repository(each.git, each.revision or each.ref, each.subdirectory, where, gathered)
    elif each.other_repository is not None:
        refused = f"{REFUSED_VCS}: {hide(each.other_repository)}"
    elif each.path is not None and not (path.parent / each.path).is_file():
        refused = f"{REFUSED_FOLDER}: {each.path}"
    elif place is not None:
        direct = place_of_file(place, path, root, where, gathered)
    return ForeignPackage(
        name=canonicalize_name(each.name),
        key=each.key,
        where=where,
        version=each.version,
        hashes=sha256s(file.hash for file in each.files),
        direct=direct,
        extras=frozenset(canonicalize_name(extra) for extra in each.extras),
        marker=each.marker,
        requires_python=each.requires_python,
        edges=() if decided else tuple(_edges(each.dependencies, by_name, where)),
        refused=refused,
    )


def _roots(
    path: Path, root: Path, selection: Selection, by_name: Mapping[str, list[_Package]]
) -> Iterator[ForeignEdge]:
    """Yield what the project itself asks for: a lock without inherited metadata does not say it."""
    project = path.parent / "pyproject.toml"
    lines = from_pyproject(project, root, selection)
    yield from _edges([line.text for line in lines], by_name, shown(project, root))


def _edges(lines: Iterable[str], by_name: Mapping[str, list[_Package]], where: str) -> Iterator[ForeignEdge]:
    for line in lines:
        try:
            asked = Requirement(line)
        except InvalidRequirement as error:
            raise ConfigError(f"not understood: {line}", where=where, hint=f"make it again: {_TOOL}") from error
        name, extras = canonicalize_name(asked.name), {canonicalize_name(extra) for extra in asked.extras}
        fitting = [
            each
            for each in by_name.get(name, ())
            if {canonicalize_name(extra) for extra in each.extras} == extras
            and (each.version is None or asked.specifier.contains(each.version, prereleases=True))
        ]
        yield ForeignEdge(
            name=name,
            extras=frozenset(extras),
            keys=frozenset(candidate.key for candidate in fitting),
            marker=str(asked.marker) if asked.marker else None,
        )
