"""``pylock.toml`` and ``pylock.NAME.toml``: the standard's lock, of any tool (PEP 751)."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.pylock import Package, Pylock, PylockValidationError

from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.lock_files import (
    REFUSED_FOLDER,
    REFUSED_VCS,
    own_indexes,
    place_of_file,
    place_of_repository,
    sha256s,
)
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_toml
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.foreign_lock import ForeignLock, ForeignPackage
from wheelyard.domain.redact import hide
from wheelyard.schema.problems import Problems, shown

_NAME = re.compile(r"pylock(\.[^.]+)?\.toml")


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return _NAME.fullmatch(path.name) is not None


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the file has locked; mistakes go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [], groups = [] }}"


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    try:
        lock = Pylock.from_dict(read_toml(path, name))
        lock.validate()
    except (PylockValidationError, ValueError, TypeError) as error:
        raise ConfigError(
            str(error), where=name, hint="see PEP 751, or lock again with the tool that made it"
        ) from error
    selection.check(name, extras=lock.extras or (), groups=lock.dependency_groups or ())
    indexes = own_indexes(
        [package.index for package in lock.packages if package.index], path, root, gathered, named={}, default=()
    )
    gathered.locks.append(
        ForeignLock(
            origin=name,
            tool=lock.created_by,
            packages=tuple(
                _package(each, number, path, root, gathered, indexes) for number, each in enumerate(lock.packages)
            ),
            environments=tuple(map(str, lock.environments or ())),
            requires_python=str(lock.requires_python) if lock.requires_python else None,
            extras=frozenset(selection.extras),
            groups=frozenset((*(lock.default_groups or ()), *selection.groups)),
        )
    )


def _package(
    each: Package, number: int, path: Path, root: Path, gathered: Gathered, indexes: dict[str, str]
) -> ForeignPackage:
    where = f"{shown(path, root)}: packages[{number}] {each.name}"
    direct = refused = None
    files = [*(each.wheels or ()), *([each.sdist] if each.sdist else ())]
    if each.vcs is not None:
        repository = each.vcs.url or (path.parent / (each.vcs.path or "")).resolve().as_uri()
        if each.vcs.type == "git":
            direct = place_of_repository(repository, each.vcs.commit_id, each.vcs.subdirectory, where, gathered)
        else:
            refused = f"{REFUSED_VCS}: {hide(repository)}"
    elif each.directory is not None:
        refused = f"{REFUSED_FOLDER}: {each.directory.path}"
    elif each.archive is not None:
        direct = place_of_file(str(each.archive.url or each.archive.path), path, root, where, gathered)
        if each.archive.subdirectory:
            raise ConfigError("is a subdirectory of an archive", where=where, hint="require an sdist of it")
    elif each.version is None:
        raise ConfigError("no version", where=where, hint="lock again with a version for every package")
    hashes = [file.hashes.get("sha256") for file in files] if direct is None else []
    if each.archive is not None:
        hashes.append(each.archive.hashes.get("sha256"))
    return ForeignPackage(
        name=each.name,
        key=f"{number}",
        where=where,
        version=None if each.version is None else str(each.version),
        hashes=sha256s(f"sha256:{digest}" for digest in hashes if digest),
        direct=direct,
        index=indexes.get(each.index or ""),
        marker=None if each.marker is None else str(each.marker),
        requires_python=str(each.requires_python) if each.requires_python else None,
        carried=each.directory is None or each.directory.path not in (".", "./"),
        refused=refused,
    )
