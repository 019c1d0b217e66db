"""Putting whole folders in place: an atomic exchange of two names, and one flush for many files."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM})


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def exchange(staged: Path, live: Path) -> None:
    """Let two existing folders of one file system change names; afterwards ``staged`` is the old one.

    One atomic step where kernel and file system know ``RENAME_EXCHANGE`` (Linux 3.15: ext4, XFS, Btrfs, tmpfs);
    elsewhere two renames, with a moment between them in which ``live`` does not exist.

    :raises OSError: if a name is missing or may not be changed.
    """
    renameat2 = getattr(_libc(), "renameat2", None)
    if renameat2 is not None:
        names = os.fsencode(staged), os.fsencode(live)
        if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _UNSUPPORTED:
            raise OSError(code, os.strerror(code), str(live))
    aside = staged.with_name(staged.name + ".old")
    live.rename(aside)
    try:
        staged.rename(live)
    except OSError:
        aside.rename(live)
        raise
    aside.rename(staged)


def is_mount(place: Path) -> bool:
    """Whether something is mounted at a folder, a folder of the same file system (``mount --bind``) too."""
    if os.path.ismount(place):
        return True
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return False
    # Field 5 is the place; what would break the line into other fields is written in octal (proc_pid_mountinfo(5)).
    names = (
        re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), line.split(b" ")[4])
        for line in table.splitlines()
    )
    return os.fsencode(place) in names


def flush(place: Path) -> None:
    """Make everything that was written to the file system of ``place`` durable, with one call for any number of files.

    :raises OSError: if the disk refuses (``syncfs`` reports write errors of earlier, buffered writes).
    """
    syncfs = getattr(_libc(), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(place))
    finally:
        os.close(descriptor)


def flush_files(paths: list[Path]) -> None:
    """Make a few files durable, without waiting for what others write to the same disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
