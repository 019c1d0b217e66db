"""A wheelhouse folder: the locks of its targets, and its files beside the indexes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from wheelyard.config.inputs import pylock
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.domain.foreign_lock import ForeignLock, ForeignPackage
from wheelyard.domain.index import IndexSource
from wheelyard.schema.problems import Problems, shown


def matches(path: Path) -> bool:
    """Whether a path is a wheelhouse: it has a manifest and targets."""
    return (path / "manifest.json").is_file() and (path / "targets").is_dir()


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what each of its targets has, for whatever target is like it; mistakes go to ``problems``."""
    name = shown(path, root)
    # A variant's folder (target.variant) has the same projects as its target's, and names no other version.
    folders = [folder for folder in sorted((path / "targets").iterdir()) if "." not in folder.name]
    below = [pylock.read(folder / "pylock.toml", root, problems, selection) for folder in folders]
    locks = [lock for said in below for lock in said.locks]
    gathered = Gathered()
    if not locks:
        if not problems.found:
            problems.add("no target in it has a lock", where=name, hint="wheelyard check tells more of it")
        return gathered
    gathered.locks.append(
        ForeignLock(
            origin=name,
            tool="wheelyard build, where it was made",
            packages=tuple(
                _of_its_host(package, lock, number) for number, lock in enumerate(locks) for package in lock.packages
            ),
            environments=tuple(dict.fromkeys(marker for lock in locks for marker in lock.environments)),
        )
    )
    # What was compiled there is nowhere else, and has another hash where it is compiled again.
    gathered.extra.append(IndexSource(name=name, url=(path / "files").resolve().as_uri(), kind="find-links"))
    return gathered


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a wheelhouse; ``name`` is a TOML string."""
    return name


def _of_its_host(package: ForeignPackage, lock: ForeignLock, number: int) -> ForeignPackage:
    """Return a package that is for the environments of its own lock alone."""
    hosts = " or ".join(f"({environment})" for environment in lock.environments)
    marker = " and ".join(f"({part})" for part in (hosts, package.marker) if part) or None
    return dataclasses.replace(package, key=f"{number}-{package.key}", marker=marker, direct=None, index=None)
