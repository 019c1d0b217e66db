"""A file on its way: what is here already, its running hash, and a lock that keeps other processes off it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from wheelyard.io.files import CHUNK, storage_error
from wheelyard.store.blobs import Store, settle

_STEP = 0.1


class Partial:
    """The bytes of one file so far. Kept as ``partial/<sha256>.part`` in the store until they are complete."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path = path
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0
        stream.seek(0)
        while block := stream.read(CHUNK):
            self._hash.update(block)
            self.size += len(block)

    @property
    def sha256(self) -> str:
        """The hash of what is here."""
        return self._hash.hexdigest()

    def append(self, block: bytes) -> None:
        """Add bytes.

        :raises StorageError: if the disk is full.
        """
        try:
            left = memoryview(block)
            while left:  # the stream has no buffer: a write may take less than all
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise storage_error(self.path, error) from error
        self._hash.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Forget everything."""
        self._stream.seek(0)
        self._stream.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    def discard(self) -> None:
        """Remove the file: what is in it is worth nothing."""
        self.path.unlink(missing_ok=True)

    def finish(self, destination: Path) -> None:
        """Make the complete file durable and give it its final name.

        :raises StorageError: if that cannot be written.
        """
        try:
            self._stream.flush()
            os.fchmod(self._stream.fileno(), 0o444)
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise storage_error(destination, error) from error
        settle(self.path, destination)


@contextlib.contextmanager
def claimed(store: Store, sha256: str, *, check: Callable[[], None]) -> Iterator[Partial | None]:
    """Yield the partial file of a digest, ours alone; None where the blob is in the store by the time we get it.

    :param check: called while waiting for another process that is fetching the same file; may raise.
    :raises StorageError: if the store cannot be written.
    """
    path = store.area("partial") / f"{sha256}.part"
    while not store.has(sha256):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b", buffering=0)
        except OSError as error:
            raise storage_error(path, error) from error
        with stream:
            if not _alone(stream, path):
                check()
                time.sleep(_STEP)
                continue
            yield Partial(path, stream)
            return
    yield None


def _alone(stream: IO[bytes], path: Path) -> bool:
    """Lock the file, and see that the name still belongs to it: another process may have finished it meanwhile."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours, named = os.fstat(stream.fileno()), path.stat()
    except (BlockingIOError, FileNotFoundError):
        return False
    return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)
