"""``uv.lock``, and ``SCRIPT.py.lock`` beside a script: uv's lock for every platform at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

from msgspec import field
from packaging.utils import canonicalize_name

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

_TOOL = "uv lock"


class _Source(LockTable, frozen=True):
    registry: str | None = None
    url: str | None = None
    path: str | None = None
    git: str | None = None
    directory: str | None = None
    editable: str | None = None
    virtual: str | None = None

    @property
    def folder(self) -> str | None:
        return self.directory or self.editable or self.virtual


class _Dependency(LockTable, frozen=True):
    name: str
    version: str | None = None
    source: _Source | None = None
    marker: str | None = None
    extra: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    specifier: str = ""


class _File(LockTable, frozen=True):
    hash: str | None = None


class _Package(LockTable, frozen=True):
    name: str
    source: _Source
    version: str | None = None
    dependencies: list[_Dependency] = field(default_factory=list)
    optional_dependencies: dict[str, list[_Dependency]] = field(default_factory=dict)
    dev_dependencies: dict[str, list[_Dependency]] = field(default_factory=dict)
    sdist: _File | None = None
    wheels: list[_File] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.name} {self.version} {self.source}"


class _Manifest(LockTable, frozen=True):
    members: list[str] = field(default_factory=list)
    requirements: list[_Dependency] = field(default_factory=list)
    overrides: list[_Dependency] = field(default_factory=list)
    dependency_groups: dict[str, list[_Dependency]] = field(default_factory=dict)


class _UvLock(LockTable, frozen=True):
    version: int
    requires_python: str | None = None
    supported_markers: list[str] = field(default_factory=list)
    manifest: _Manifest = _Manifest()
    package: list[_Package] = field(default_factory=list)


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name == "uv.lock" or path.name.endswith(".py.lock")


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the file has locked; mistakes go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [], groups = [] }}"


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    lock = declared(_UvLock, read_toml(path, name), name, _TOOL)
    if lock.version != 1:
        raise ConfigError(
            f"a lock of version {lock.version}; 1 is known",
            where=name,
            hint="export it and name that: uv export --format pylock.toml --output-file pylock.toml",
        )
    members = _members(lock)
    selection.check(
        name,
        extras={extra for member in members for extra in member.optional_dependencies},
        groups={group for member in members for group in member.dev_dependencies}
        | lock.manifest.dependency_groups.keys(),
    )
    project, default = _named_indexes(path.parent / "pyproject.toml")
    registries = [each.source.registry for each in lock.package if each.source.registry is not None]
    indexes = own_indexes(registries, path, root, gathered, named=project, default=default)
    own = {member.key for member in members} | {each.key for each in lock.package if each.name in lock.manifest.members}
    gathered.locks.append(
        check(
            ForeignLock(
                origin=name,
                tool=_TOOL,
                packages=tuple(
                    _package(each, path, root, gathered, indexes, carried=each.key not in own) for each in lock.package
                ),
                roots=tuple(_roots(lock, members, selection)),
                environments=tuple(lock.supported_markers),
                requires_python=lock.requires_python,
                extras=frozenset(_conflicting(members, selection)),
                overrides=tuple(
                    f"{override.name}{override.specifier}" + (f" ; {override.marker}" if override.marker else "")
                    for override in lock.manifest.overrides
                ),
            )
        )
    )


def _members(lock: _UvLock) -> list[_Package]:
    """Return the projects that the lock is of: the one in its folder, else all of its workspace."""
    here = [each for each in lock.package if each.source.folder == "."]
    return here or [each for each in lock.package if each.name in lock.manifest.members]


def _roots(lock: _UvLock, members: list[_Package], selection: Selection) -> Iterator[ForeignEdge]:
    groups = [*(member.dev_dependencies for member in members), lock.manifest.dependency_groups]
    for rows in (
        lock.manifest.requirements,
        *(member.dependencies for member in members),
        *_selected((member.optional_dependencies for member in members), selection.extra_names),
        *_selected(groups, selection.group_names),
    ):
        yield from _edges(rows)


def _selected(tables: Iterator[dict[str, list[_Dependency]]] | list[dict[str, list[_Dependency]]],
              names: frozenset[str]) -> Iterator[list[_Dependency]]:  # fmt: skip
    for table in tables:
        yield from (rows for key, rows in table.items() if canonicalize_name(key) in names)


def _conflicting(members: list[_Package], selection: Selection) -> Iterator[str]:
    """Yield the names by which markers ask for extras and groups that conflict: ``extra-4-shop-cpu``."""
    for member in members:
        yield f"project-{len(member.name)}-{member.name}"
        for kind, names in (("extra", selection.extra_names), ("group", selection.group_names)):
            yield from (f"{kind}-{len(member.name)}-{member.name}-{name}" for name in names)


def _edges(rows: list[_Dependency]) -> Iterator[ForeignEdge]:
    for row in rows:
        keys = None
        if row.version is not None and row.source is not None:
            keys = frozenset({f"{row.name} {row.version} {row.source}"})
        yield ForeignEdge(
            name=canonicalize_name(row.name),
            extras=frozenset(canonicalize_name(extra) for extra in (*row.extra, *row.extras)),
            keys=keys,
            marker=row.marker,
        )


def _package(
    each: _Package, path: Path, root: Path, gathered: Gathered, indexes: dict[str, str], *, carried: bool
) -> ForeignPackage:
    where = f"{shown(path, root)}: {each.name} {each.version or ''}".rstrip()
    direct = refused = None
    if each.source.git is not None:
        direct = _repository(each.source.git, where, gathered)
    elif each.source.folder is not None:
        refused = f"{REFUSED_FOLDER}: {each.source.folder}"
    elif (file := each.source.url or each.source.path) is not None:
        direct = place_of_file(file, path, root, where, gathered)
    return ForeignPackage(
        name=canonicalize_name(each.name),
        key=each.key,
        where=where,
        version=each.version,
        hashes=sha256s(file.hash for file in (*each.wheels, *([each.sdist] if each.sdist else ()))),
        direct=direct,
        index=indexes.get(each.source.registry or ""),
        edges=tuple(_edges(each.dependencies)),
        optional={canonicalize_name(extra): tuple(_edges(rows)) for extra, rows in each.optional_dependencies.items()},
        carried=carried,
        refused=refused if carried else None,
    )


def _repository(written: str, where: str, gathered: Gathered) -> str:
    """Return the place of ``https://host/x?subdirectory=a&rev=main#COMMIT``."""
    url, _, commit = written.partition("#")
    url, _, query = url.partition("?")
    subdirectory = parse_qs(query).get("subdirectory", [None])[0]
    return place_of_repository(url, commit or None, subdirectory, where, gathered)


def _named_indexes(pyproject: Path) -> tuple[dict[str, str], set[str]]:
    """Return the names that ``[[tool.uv.index]]`` gives by URL, and the URLs of the default ones."""
    named: dict[str, str] = {}
    default: set[str] = set()
    with contextlib.suppress(ConfigError, AttributeError, KeyError, TypeError):
        rows = read_toml(pyproject, pyproject.name)["tool"]["uv"]["index"]  # type: ignore[index]
        for row in rows:
            if row.get("default"):
                default.add(row["url"])
            elif row.get("name"):
                named[row["url"]] = row["name"]
    return named, default
