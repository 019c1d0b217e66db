"""Folders to work in for a while: removed at the end, and after a kill by whoever works there next."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wheelyard.io import beneath

_PREFIX = "wheelyard-temporary-"


@contextlib.contextmanager
def temporary_folder(purpose: str, base: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder of our own, which is removed at the end with whatever is in it then.

    It is locked for as long as this process lives. What killed processes left in the same place is not, and is removed
    when a process comes there first.

    :param purpose: a word for its name.
    :param base: where; None: the system's folder for temporary files.
    """
    place = (Path(tempfile.gettempdir()) if base is None else base).absolute()
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    folder, held = _make(place, purpose)
    try:
        yield folder
    finally:
        beneath.remove(folder)
        os.close(held)


def _make(base: Path, purpose: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-", dir=base))
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another process swept it before it was opened
        with contextlib.suppress(OSError):  # a file system without locks for folders: nobody will remove it
            fcntl.flock(held, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), folder.lstat()):
                return folder, held
        os.close(held)  # it was swept before it was locked


@functools.cache
def _sweep(base: Path) -> None:
    for left in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if os.fstat(held).st_uid == os.getuid():
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    beneath.remove(left)
            finally:
                os.close(held)
