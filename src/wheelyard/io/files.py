"""The one door to the file system for anything that must never be seen half-written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from wheelyard.domain.errors import StorageError

CHUNK = 1 << 20


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the error for people that tells what the operating system refused at ``path``."""
    hints = {
        errno.ENOSPC: "free some space, then run the same command again: it goes on from there",
        errno.EDQUOT: "free some of your quota, then run the same command again",
        errno.EACCES: "check the owner and mode of the folder",
        errno.EPERM: "check the owner and mode of the folder",
        errno.EROFS: "the file system is mounted read-only",
    }
    return StorageError(f"cannot write: {error.strerror or error}", where=str(path), hint=hints.get(error.errno or 0))


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o644, sync: bool = True) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes ``path`` (temporary file, fsync, rename) when the block ends without an error.

    Two that write the same file do so one after the other. What a killed process leaves is taken by whoever writes the
    same file next.

    :raises StorageError: if the disk is full or the place cannot be written.
    """
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]  # one name a file, and never too long
    temporary = path.with_name(f".{name}.tmp")
    done = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(temporary) as stream:
            try:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                if sync:
                    os.fsync(stream.fileno())
                temporary.replace(path)
                done = True
            finally:
                if not done:
                    temporary.unlink(missing_ok=True)
        if sync:
            sync_directory(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file to be written that nobody else writes; whoever had it before may have given it another name."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is(stream, path):
                stream.truncate()
                yield stream
                return


def write(path: Path, content: bytes | str, *, mode: int = 0o644, sync: bool = True) -> bool:
    """Put ``content`` at ``path`` atomically; return False, touching nothing, where it is already there."""
    data = content.encode() if isinstance(content, str) else content
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    with replacing(path, mode=mode, sync=sync) as stream:
        stream.write(data)
    return True


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, read once in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(source: Path, destination: Path, *, mode: int = 0o644, sync: bool = True) -> None:
    """Copy a file atomically; in the kernel, sharing blocks where the file system can (XFS, Btrfs)."""
    with source.open("rb") as reader, replacing(destination, mode=mode, sync=sync) as writer:
        left = os.fstat(reader.fileno()).st_size
        while left:
            try:
                moved = os.copy_file_range(reader.fileno(), writer.fileno(), left)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                while block := reader.read(CHUNK):
                    writer.write(block)
                return
            if moved == 0:
                return
            left -= moved


@contextlib.contextmanager
def locked(path: Path, *, what: str, wait: bool = False) -> Iterator[None]:
    """Hold an advisory lock at ``path`` for the block; ``what`` names the thing that is locked.

    :param wait: for another process to let go, however long that takes. Whoever holds the lock may remove its file.
    :raises StorageError: at once if another process holds it, and we do not wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(
                    f"another run is working on {what}", where=str(path), hint="wait for it to end, then run again"
                ) from error
            if _is(stream, path):
                yield
                return


def _is(stream: IO[Any], path: Path) -> bool:
    """Whether an open file still is the one at its path: it may have been removed while we waited for its lock."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(stream.fileno()), there)
