"""``Pipfile.lock``, pipenv's lock, and ``Pipfile``, what it is made from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import field
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.lock_files import (
    REFUSED_FOLDER,
    REFUSED_VCS,
    LockTable,
    check,
    declared,
    own_indexes,
    place_of_file,
    place_of_repository,
    sha256s,
)
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_requirement, read_toml
from wheelyard.config.urls import is_url
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.foreign_lock import ForeignLock, ForeignPackage
from wheelyard.domain.redact import hide
from wheelyard.schema.problems import Problems, read_text, shown

_TOOL = "pipenv lock"
_LOCK_NAMES = {"packages": "default", "dev-packages": "develop"}
_NO_CATEGORY = ("_meta", "source", "requires", "scripts", "pipenv", "pipfile")
_MARKERS = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
)  # fmt: skip


class _Source(LockTable, frozen=True):
    url: str
    name: str


class _Requires(LockTable, frozen=True, rename=None):
    python_version: str | None = None
    python_full_version: str | None = None


class _Meta(LockTable, frozen=True):
    sources: list[_Source] = field(default_factory=list)
    requires: _Requires = _Requires()


class _Entry(LockTable, frozen=True):
    """One package: of the lock, where ``version`` is one, or of a Pipfile."""

    version: str | None = None
    hashes: list[str] = field(default_factory=list)
    index: str | None = None
    markers: str | None = None
    extras: list[str] = field(default_factory=list)
    git: str | None = None
    ref: str | None = None
    subdirectory: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None
    path: str | None = None
    file: str | None = None
    editable: bool = False

    @property
    def other_repository(self) -> str | None:
        return self.hg or self.svn or self.bzr


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name in ("Pipfile.lock", "Pipfile")


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the file has locked or asks for; mistakes go to ``problems``."""
    reader = _read_lock if path.name == "Pipfile.lock" else _read_pipfile
    return gathered_from(lambda gathered: reader(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, groups = [] }}"


def _read_lock(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    try:
        data = json.loads(read_text(path, name))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not valid JSON: {error}", where=name, hint=f"make it again: {_TOOL}") from error
    if not isinstance(data, dict):
        raise ConfigError("not an object", where=name, hint=f"make it again: {_TOOL}")
    meta = declared(_Meta, data.get("_meta", {}), name, _TOOL)
    categories = _categories(data, selection, name)
    tables = {key: declared(dict[str, _Entry], data.get(key, {}), f"{name}: {key}", _TOOL) for key in categories}
    urls = {each.name: each.url for each in meta.sources}
    default = {each.url for each in meta.sources[:1]}
    entries = [entry for table in tables.values() for entry in table.values()]
    indexes = own_indexes(
        [urls[each.index] for each in entries if each.index in urls], path, root, gathered,
        named={url: source for source, url in urls.items()}, default=default,
    )  # fmt: skip
    python = meta.requires.python_full_version or (
        f"{meta.requires.python_version}.*" if meta.requires.python_version else None
    )
    gathered.locks.append(
        check(
            ForeignLock(
                origin=name,
                tool=_TOOL,
                packages=tuple(
                    _package(f"{name}: {key} {project}", project, entry, path, root, gathered,
                             indexes.get(urls.get(entry.index or "", "")))
                    for key, table in tables.items()
                    for project, entry in table.items()
                ),
                requires_python=f"=={python}" if python else None,
            )
        )
    )  # fmt: skip


def _categories(data: Mapping[str, object], selection: Selection, name: str) -> list[str]:
    """Return the sections that are wanted, as a lock names them."""
    there = {_LOCK_NAMES.get(key, key) for key in data if key not in _NO_CATEGORY}
    selection.check(name, extras=(), groups={*there, *_LOCK_NAMES} - {"default", "packages"})
    return ["default", *(_LOCK_NAMES.get(group, group) for group in selection.groups)]


def _package(
    where: str, project: str, entry: _Entry, path: Path, root: Path, gathered: Gathered, index: str | None
) -> ForeignPackage:
    direct = refused = version = None
    place = entry.file or entry.path
    if entry.git is not None:
        direct = place_of_repository(entry.git, entry.ref, entry.subdirectory, where, gathered)
    elif entry.other_repository is not None:
        refused = f"{REFUSED_VCS}: {hide(entry.other_repository)}"
    elif place is not None and (is_url(place) or (path.parent / place).is_file()):
        direct = place_of_file(place, path, root, where, gathered)
    elif place is not None:
        refused = f"{REFUSED_FOLDER}: {place}"
    elif entry.version is None or not entry.version.startswith("=="):
        raise ConfigError(f"no version: {entry.version}", where=where, hint=f"make it again: {_TOOL}")
    else:
        version = entry.version.removeprefix("==").strip()
    own = entry.git is entry.other_repository is None and place is not None and place.strip("./") == ""
    return ForeignPackage(
        name=canonicalize_name(project),
        key=where,
        where=where,
        version=version,
        hashes=sha256s(entry.hashes),
        direct=direct,
        index=index,
        extras=frozenset(canonicalize_name(extra) for extra in entry.extras),
        marker=entry.markers,
        carried=not own,
        refused=refused,
    )


def _read_pipfile(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    data = read_toml(path, name)
    for category in _categories(data, selection, name):
        section = next((key for key, value in _LOCK_NAMES.items() if value == category), category)
        table = data.get(section, {})
        if not isinstance(table, dict):
            raise ConfigError("expected a table", where=f"{name}: [{section}]", hint='write: flask = "*"')
        for project, value in table.items():
            where = f"{name}: [{section}] {project}"
            text = _pep508(project, value, where, gathered)
            gathered.requirements.append(read_requirement(text, path, root, where))


def _pep508(project: str, value: object, where: str, gathered: Gathered) -> str:
    """Return an entry of a Pipfile as a requirement."""
    if isinstance(value, str):
        return f"{project}{_specifier(value)}"
    entry = declared(_Entry, value, where, "pipenv")
    listed = f"[{','.join(entry.extras)}]" if entry.extras else ""
    place = entry.file or entry.path
    if entry.git is not None:
        place = place_of_repository(entry.git, entry.ref, entry.subdirectory, where, gathered)
    elif entry.other_repository is not None:
        raise ConfigError(
            f"{REFUSED_VCS}: {hide(entry.other_repository)}",
            where=where,
            hint="name a release, or an sdist built from it",
        )
    markers = " and ".join(f"({marker})" for marker in _markers(entry, value))
    body = f"{project}{listed}{_specifier(entry.version or '*')}" if place is None else f"{project}{listed} @ {place}"
    return f"{body} ; {markers}" if markers else body


def _markers(entry: _Entry, value: object) -> Iterator[str]:
    """Yield the marker of ``markers``, and those of keys named as variables: ``sys_platform = "== 'linux'"``."""
    if entry.markers:
        yield entry.markers
    items: Iterable[tuple[str, object]] = value.items() if isinstance(value, dict) else ()
    yield from (f"{key} {text}" for key, text in items if key in _MARKERS)


def _specifier(text: str) -> str:
    """Return a version of a Pipfile as a specifier: ``*`` is any, ``1.0`` is that one."""
    text = text.strip()
    if text in ("", "*"):
        return ""
    return f"=={text}" if text[0].isalnum() else text
