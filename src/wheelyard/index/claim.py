"""Whether a folder may become a wheelhouse: asked before anything is locked for it, and when it is published."""

from __future__ import annotations

import os
from pathlib import Path

from wheelyard.domain.errors import StorageError
from wheelyard.host.manifest import MANIFEST
from wheelyard.index import site_state
from wheelyard.index.publishers import record


def claimed(into: Path) -> bool:
    """Whether a folder is a wheelhouse already, be its manifest lost."""
    return any((into / name).exists() for name in (MANIFEST, site_state.SHELF, record.EARLIER))


def is_owners(path: str) -> bool:
    """Whether a file at the top is the owner's to put there: a README, which goes along, or a hidden file."""
    return "/" not in path and path.startswith((".", "README"))


def check_place(into: Path) -> None:
    """Make sure that a wheelhouse can be written there.

    :raises StorageError: if it is a file or lies below one, may not be written, or holds what Wheelyard did not put
        there. Hidden files and a README may lie in a folder that is not a wheelhouse yet.
    """
    into = into.absolute()
    there = next(parent for parent in (into, *into.parents) if os.path.lexists(parent))
    if not there.is_dir():
        raise StorageError("this is not a folder", where=str(there), hint="choose a new or an empty folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StorageError("you may not write here", where=str(there), hint="choose another folder")
    if there == into and not claimed(into):
        foreign = sorted(path.name for path in into.iterdir() if not is_owners(path.name))
        if foreign:
            raise StorageError(
                "holds files that Wheelyard did not put there",
                where=str(into / foreign[0]),
                hint="choose a new or an empty folder",
            )
