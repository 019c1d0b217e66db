"""``poetry.lock``: Poetry's lock, of Poetry 1 and 2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import field
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.config.inputs import poetry
from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.lock_files import (
    REFUSED_FOLDER,
    LockTable,
    check,
    declared,
    own_indexes,
    place_of_file,
    place_of_repository,
    sha256s,
)
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_toml
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.foreign_lock import ForeignEdge, ForeignLock, ForeignPackage
from wheelyard.schema.problems import Problems, shown

_TOOL = "poetry lock"
_DECIDED = Version("2.1")
"""Since this version of the format each entry has its groups and whole marker (Poetry 2.0)."""


class _Source(LockTable, frozen=True, rename=None):
    type: str
    url: str
    reference: str | None = None
    resolved_reference: str | None = None
    subdirectory: str | None = None


class _File(LockTable, frozen=True):
    file: str
    hash: str | None = None


class _Constraint(LockTable, frozen=True):
    version: str = "*"
    markers: str | None = None
    extras: list[str] = field(default_factory=list)
    optional: bool = False


_Constraints = str | _Constraint | list[_Constraint | str]


class _Package(LockTable, frozen=True):
    name: str
    version: str
    python_versions: str = "*"
    optional: bool = False
    groups: list[str] = field(default_factory=list)
    markers: str | dict[str, str] | None = None
    files: list[_File] = field(default_factory=list)
    dependencies: dict[str, _Constraints] = field(default_factory=dict)
    extras: dict[str, list[str]] = field(default_factory=dict)
    source: _Source | None = None


class _Metadata(LockTable, frozen=True):
    lock_version: str = "1.0"
    python_versions: str = "*"
    files: dict[str, list[_File]] = field(default_factory=dict)


class _PoetryLock(LockTable, frozen=True):
    metadata: _Metadata
    package: list[_Package] = field(default_factory=list)
    extras: dict[str, list[str]] = field(default_factory=dict)


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name == "poetry.lock"


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the file has locked; mistakes go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [], groups = [] }}"


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    lock = declared(_PoetryLock, read_toml(path, name), name, _TOOL)
    try:
        decided = Version(lock.metadata.lock_version) >= _DECIDED
    except InvalidVersion as error:
        message = f"lock-version {lock.metadata.lock_version!r} is none"
        raise ConfigError(message, where=name, hint=f"make it again: {_TOOL}") from error
    if decided:
        there = {group for each in lock.package for group in each.groups} - {"main"}
        # A group whose packages are all in others too is named by nothing but the project.
        selection.check(name, extras=lock.extras, groups=there | poetry.groups(path.parent / "pyproject.toml"))
    sources = [each.source for each in lock.package if each.source is not None and each.source.type == "legacy"]
    indexes = own_indexes(
        [source.url for source in sources], path, root, gathered,
        named={source.url: source.reference for source in sources if source.reference},
        default=poetry.default_indexes(path.parent / "pyproject.toml"),
    )  # fmt: skip
    by_name: dict[str, list[_Package]] = {}
    for each in lock.package:
        by_name.setdefault(canonicalize_name(each.name), []).append(each)
    groups = frozenset(("main", *selection.group_names)) if decided else None
    packages = [each for each in lock.package if groups is None or groups.intersection(_groups(each))]
    gathered.locks.append(
        check(
            ForeignLock(
                origin=name,
                tool=_TOOL,
                packages=tuple(
                    _package(package, lock, path, root, gathered, indexes, by_name, groups=groups)
                    for package in packages
                ),
                roots=None if decided else tuple(_roots(path, name, selection, by_name)),
                requires_python=poetry.specifier(lock.metadata.python_versions, name),
                extras=selection.extra_names,
            )
        )
    )


def _groups(each: _Package) -> list[str]:
    return [canonicalize_name(group) for group in each.groups]


def _package(
    each: _Package,
    lock: _PoetryLock,
    path: Path,
    root: Path,
    gathered: Gathered,
    indexes: Mapping[str, str],
    by_name: Mapping[str, list[_Package]],
    *,
    groups: frozenset[str] | None,
) -> ForeignPackage:
    """Return an entry; ``groups``: those that are wanted, where the lock says what is theirs."""
    where = f"{shown(path, root)}: {each.name} {each.version}"
    source = each.source or _Source(type="legacy", url="")
    kind, url = source.type, source.url
    direct = refused = None
    if kind == "git":
        commit = source.resolved_reference or source.reference
        direct = place_of_repository(url, commit, source.subdirectory, where, gathered)
    elif kind == "directory":
        refused = f"{REFUSED_FOLDER}: {url}"
    elif kind in ("url", "file"):
        direct = place_of_file(url, path, root, where, gathered)
    files = each.files or lock.metadata.files.get(each.name, [])
    return ForeignPackage(
        name=canonicalize_name(each.name),
        key=_key(each),
        where=where,
        version=each.version,
        hashes=sha256s(file.hash for file in files),
        direct=direct,
        index=indexes.get(url),
        requires_python=poetry.specifier(each.python_versions, where),
        marker=_marker(each, groups) if groups is not None else None,
        edges=tuple(_edges(each, by_name, where)) if groups is None else (),
        optional=_optional(each, by_name, where) if groups is None else {},
        refused=refused,
    )


def _marker(each: _Package, groups: frozenset[str]) -> str | None:
    """Return the marker of an entry of Poetry 2: it holds where any of the wanted groups needs it."""
    if not isinstance(each.markers, dict):
        return each.markers
    markers: dict[str, str] = {canonicalize_name(group): marker for group, marker in each.markers.items()}
    of_groups = [markers.get(group) for group in _groups(each) if group in groups]
    return " or ".join(f"({marker})" for marker in of_groups if marker) if all(of_groups) else None


def _roots(path: Path, name: str, selection: Selection, by_name: Mapping[str, list[_Package]]) -> Iterator[ForeignEdge]:
    project = path.parent / "pyproject.toml"
    if not project.is_file():
        raise ConfigError(
            "a lock of Poetry 1 does not say which groups its packages are for",
            where=name,
            hint="put its pyproject.toml beside it, or lock again with Poetry 2",
        )
    for dependency in poetry.dependencies(project, shown(project, path.parent), selection):
        yield ForeignEdge(
            name=canonicalize_name(dependency.name),
            extras=frozenset(canonicalize_name(extra) for extra in dependency.extras),
            keys=_fitting(by_name.get(canonicalize_name(dependency.name), ()), dependency.allows),
            marker=dependency.marker,
        )


def _edges(each: _Package, by_name: Mapping[str, list[_Package]], where: str) -> Iterator[ForeignEdge]:
    """Yield what a package needs, save what only its extras add."""
    for _, constraint, edge in _written(each, by_name, where):
        if not constraint.optional:
            yield edge


def _optional(each: _Package, by_name: Mapping[str, list[_Package]], where: str) -> dict[str, tuple[ForeignEdge, ...]]:
    """Return what each extra adds: the lock names it, and has its constraint among the dependencies."""
    edges = list(_written(each, by_name, where))
    return {
        canonicalize_name(extra): tuple(
            edge
            for name, constraint, edge in edges
            if constraint.optional and canonicalize_name(name) in {poetry.name_of(line) for line in lines}
        )
        for extra, lines in each.extras.items()
    }


def _written(
    each: _Package, by_name: Mapping[str, list[_Package]], where: str
) -> Iterator[tuple[str, _Constraint, ForeignEdge]]:
    for name, value in each.dependencies.items():
        for row in value if isinstance(value, list) else [value]:
            constraint = _Constraint(version=row) if isinstance(row, str) else row
            normal = canonicalize_name(name)
            allows = poetry.constraint(constraint.version, where)
            yield (
                name,
                constraint,
                ForeignEdge(
                    name=normal,
                    extras=frozenset(canonicalize_name(extra) for extra in constraint.extras),
                    keys=_fitting(by_name.get(normal, ()), allows),
                    marker=poetry.without_extra(constraint.markers) if constraint.markers else None,
                ),
            )


def _fitting(packages: Iterable[_Package], allows: poetry.Allows) -> frozenset[str]:
    with contextlib.suppress(ValueError):
        return frozenset(_key(package) for package in packages if allows(package.version))
    return frozenset()


def _key(each: _Package) -> str:
    source = f" {each.source.type} {each.source.url}" if each.source is not None else ""
    return f"{each.name} {each.version}{source}"
