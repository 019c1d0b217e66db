"""What formats of locks share: reading a declared file, hashes, places of files, and the indexes that a lock names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.repositories import pinned
from wheelyard.config.inputs.single import parse_requirement
from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.config.urls import UnsetVariableError, expand, is_url, unexpanded, without_credentials, without_query
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.foreign_lock import ForeignLock
from wheelyard.domain.index import IndexSource
from wheelyard.schema.problems import shown

T = TypeVar("T")
REFUSED_VCS = "comes from version control that is not git"
REFUSED_FOLDER = "is a folder of this machine"


class LockTable(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A table of another tool's lock; keys that nobody here needs are passed over."""


def declared(kind: type[T], data: object, name: str, tool: str) -> T:
    """Return a file's content by its declaration.

    :param tool: what locks again: ``uv lock``.
    :raises ConfigError: if it is not as declared, with the place in the file.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"not understood: {error}", where=name, hint=f"make it again: {tool}") from error


def check(lock: ForeignLock) -> ForeignLock:
    """Return a lock whose markers, specifiers and versions can all be read.

    :raises ConfigError: for the first that cannot, naming its entry.
    """
    places: list[tuple[str, str | None, type[Marker] | type[SpecifierSet] | type[Version]]] = [
        (lock.origin, lock.requires_python, SpecifierSet),
        *((lock.origin, environment, Marker) for environment in lock.environments),
        *((lock.origin, root.marker, Marker) for root in lock.roots or ()),
    ]
    for package in lock.packages:
        places += [
            (package.where, package.marker, Marker),
            (package.where, package.version, Version),
            (package.where, package.requires_python, SpecifierSet),
        ]
        edges = [*package.edges, *(edge for row in package.optional.values() for edge in row)]
        places += [(package.where, edge.marker, Marker) for edge in edges]
    for where, text, kind in places:
        try:
            if text is not None:
                kind(text)
        except (InvalidMarker, InvalidSpecifier, InvalidVersion, RecursionError) as error:
            message = f"not understood: {text}"
            raise ConfigError(message, where=where, hint=f"make it again: {lock.tool}") from error
    return lock


def sha256s(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Return the SHA-256 ones of hashes that are written ``sha256:…``, in order."""
    return tuple(sorted({text.lower() for text in texts if text is not None and text.startswith("sha256:")}))


def place_of_file(written: str, path: Path, root: Path, where: str, gathered: Gathered) -> str:
    """Return the URL or path of a wheel or sdist, as ``Requirement.direct`` has it.

    :raises ConfigError: if it is no such file.
    """
    try:
        parsed = parse_requirement(
            written if is_url(written) else f"./{written}", path.parent, root, origin=shown(path, root), line=0
        )
    except SyntaxProblem as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from error
    gathered.credentials.update(parsed.credentials)
    gathered.queries.update(parsed.queries)
    return parsed.value.direct or written


def place_of_repository(url: str, commit: str | None, subdirectory: str | None, where: str, gathered: Gathered) -> str:
    """Return the place of a project in a git repository, as ``Requirement.direct`` has it.

    :param commit: that the lock has; None: whatever the repository calls its head.
    :raises ConfigError: if it is no such repository.
    """
    try:
        written = pinned(expand(url), commit, subdirectory)
    except SyntaxProblem as error:
        raise ConfigError(unexpanded(error.message, url), where=where, hint=error.hint) from error
    except UnsetVariableError as error:
        raise ConfigError(str(error), where=where, hint="set it") from error
    gathered.credentials.update(written.credentials)
    return written.repository.direct


def own_indexes(
    asked: Iterable[str],
    path: Path,
    root: Path,
    gathered: Gathered,
    *,
    named: Mapping[str, str],
    default: Collection[str],
) -> dict[str, str]:
    """Put the indexes that a lock takes files from into what it says, save its default one: there pip's stand in.

    :param asked: the URL (or folder) of each entry's index.
    :param named: names by URL, where the project gives them.
    :param default: what the project calls its default; none: the one that most entries are from.
    :return: the names by URL, of those that are not the default.
    """
    counted = Counter(asked)
    usual = set(default) or {url for url, _ in counted.most_common(1)}
    names: dict[str, str] = {}
    taken = {each.name for each in gathered.extra}
    for number, url in enumerate(each for each in counted if each not in usual):
        name = named.get(url) or f"{shown(path, root)}-{number + 1}"
        if name not in taken:
            gathered.extra.append(_index(url, name, path, gathered))
        names[url] = name
    return names


def _index(url: str, name: str, path: Path, gathered: Gathered) -> IndexSource:
    if not is_url(url):
        return IndexSource(name=name, url=(path.parent / url).resolve().as_uri(), kind="find-links", explicit=True)
    try:
        bare, credentials = without_credentials(expand(url))
        bare = without_query(bare)
    except (UnsetVariableError, ValueError) as error:
        raise ConfigError(f"index {name}: {error}", where=path.name, hint="name it in [[index]]") from error
    gathered.credentials.update(credentials)
    return IndexSource(name=name, url=bare, explicit=True)
