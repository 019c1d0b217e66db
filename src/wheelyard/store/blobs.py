"""The content-addressed cache: every byte once, under its SHA-256."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from wheelyard.domain.errors import HashMismatchError, StorageError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.io import files
from wheelyard.io.temporary import temporary_folder


def default_root() -> Path:
    """Return ``$WHEELYARD_CACHE``, else ``$XDG_CACHE_HOME/wheelyard``, else ``~/.cache/wheelyard``."""
    if given := os.environ.get("WHEELYARD_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wheelyard"


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of blobs, shared by all wheelhouses of a machine; many processes may use it at once."""

    root: Path = field(default_factory=default_root)
    """Where it lies; if it is not said, the store of this user."""
    report: Reporter = field(default=silent, compare=False, repr=False)
    """Is told of each blob that was found damaged, and is fetched or built again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.absolute())  # what is in it is used from other working folders

    def path(self, sha256: str) -> Path:
        """Return where the blob of this digest is, or would be."""
        return self.root / "sha256" / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the blob is here and nobody has written to it since it was hashed.

        One that was written to is hashed again; if it is damaged it is removed and told, and so fetched or built again.
        """
        path = self.path(sha256)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if status.st_mtime_ns % _SECOND == _mark(sha256) or _sound(path, status):
            return True
        damaged(path, where=path.name)
        self.report(Warned(message=f"{path} was damaged and is removed: it is fetched or built again"))
        return False

    def area(self, name: str) -> Path:
        """Return a folder of the cache for what is not a blob (``pages``, ``metadata``, ``builds``, ``logs``)."""
        return self.root / name

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on the store's own file system, removed at the end.

        :raises StorageError: if it cannot be made, or removed.
        """
        with contextlib.ExitStack() as stack:
            try:
                folder = stack.enter_context(temporary_folder("store", self.root / "tmp"))
            except OSError as error:
                raise files.storage_error(self.root / "tmp", error) from error
            try:
                yield folder
            finally:
                try:
                    stack.close()
                except OSError as error:
                    raise files.storage_error(folder, error) from error

    def add_bytes(self, content: bytes) -> str:
        """Put bytes into the store and return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            files.write(self.path(digest), content, mode=0o444)
            _set_mark(self.path(digest))
        return digest

    def add_file(self, source: Path, *, sha256: str | None = None) -> str:
        """Copy a file into the store and return its SHA-256, that of the very bytes that were copied.

        :raises HashMismatchError: if ``sha256`` is given and is not the file's.
        :raises StorageError: if the store cannot be written.
        """
        with source.open("rb") as reader, self.scratch() as folder:
            copied = folder / "blob"
            digest = _copy_hashing(reader, copied)
            if sha256 is not None and digest != sha256:
                raise HashMismatchError(f"expected sha256 {sha256}, found {digest}", where=source.name)
            if not self.has(digest):
                settle(copied, self.path(digest))
        return digest

    def take(self, sha256: str, into: Path) -> Path:
        """Copy a blob to the new file ``into``, hashed on the way, and return that: for what is about to be used.

        A hash that was checked when the blob came in says nothing about what it is by now.

        :param into: its file name is the one that errors tell.
        :raises StorageError: if the blob is not here.
        :raises HashMismatchError: if it is not what it was.
        """
        path = self.path(sha256)
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            reader = path.open("rb")
        except FileNotFoundError:
            raise _lacking(into.name) from None
        with reader:
            digest = _copy_hashing(reader, into, sync=False)
        if digest != sha256:
            into.unlink()
            raise damaged(path, where=into.name)
        return into

    def blobs(self) -> Iterator[str]:
        """Yield the digest of every blob, in order."""
        for path in sorted((self.root / "sha256").glob("*/*")):
            if len(path.name) == 64:
                yield path.name

    def prune(self, keep: Container[str] = (), *, older_than: float = 0.0) -> int:
        """Remove blobs that are not in ``keep``, and partial files; return how many bytes that frees.

        :param older_than: only what has not been touched after this time (seconds since the epoch); 0: everything.
        """
        freed = 0
        partial = list(self.area("partial").glob("*.part"))
        for path in [*(self.path(digest) for digest in self.blobs() if digest not in keep), *partial]:
            status = path.stat()
            if not older_than or status.st_mtime < older_than:
                path.unlink(missing_ok=True)
                freed += status.st_size
        return freed


def _copy_hashing(reader: IO[bytes], destination: Path, *, sync: bool = True) -> str:
    digest = hashlib.sha256()
    try:
        with destination.open("xb") as writer:
            while block := reader.read(files.CHUNK):
                digest.update(block)
                writer.write(block)
            writer.flush()
            os.fchmod(writer.fileno(), 0o444)
            if sync:
                os.fsync(writer.fileno())
    except OSError as error:
        raise files.storage_error(destination, error) from error
    return digest.hexdigest()


def settle(path: Path, destination: Path) -> None:
    """Give a durable file that was hashed its place as a blob.

    :raises StorageError: if that cannot be written.
    """
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        path.replace(destination)
        _set_mark(destination)
        files.sync_directory(destination.parent)
    except OSError as error:
        raise files.storage_error(destination, error) from error


def checked(blob: Path, *, where: str) -> Path:
    """Return a blob that is used where it lies, without a copy: hashed, once in the life of this process.

    :param where: the file name that errors tell.
    :raises StorageError: if it is not there.
    :raises HashMismatchError: if it is not what it was.
    """
    try:
        status = blob.stat()
    except FileNotFoundError:
        raise _lacking(where) from None
    if not _sound(blob, status):
        raise damaged(blob, where=where)
    return blob


def damaged(blob: Path, *, where: str) -> HashMismatchError:
    """Remove a blob that is not what it was, so that it is fetched or built again, and return the error that says so.

    :param where: the file name that the error tells.
    """
    hint = "it was changed or has rotted, and is removed: run again, and it is fetched or built anew"
    try:
        blob.unlink(missing_ok=True)
    except OSError:
        hint = "it was changed or has rotted: delete it, then run again"
    return HashMismatchError(f"its copy in the store is damaged: {blob}", where=where, hint=hint)


def _lacking(where: str) -> StorageError:
    return StorageError("it is not in the store", where=where, hint="run again: it is fetched first")


_SECOND = 10**9


def _mark(sha256: str) -> int:
    """Return the nanoseconds behind the second in which a blob was written.

    They are made from its digest when it was hashed, so whoever writes to it afterwards leaves others: one look at its
    time tells that, without a record beside it. Whole microseconds, which every file system with fine times keeps.
    """
    return int(sha256[:8], 16) % 10**6 * 1000


def _set_mark(blob: Path) -> None:
    status = blob.stat()
    os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns // _SECOND * _SECOND + _mark(blob.name)))


def _sound(blob: Path, status: os.stat_result) -> bool:
    """Whether a blob still has its digest; one that was written to and does is marked again."""
    try:
        if _sha256(blob, status.st_ino, status.st_size, status.st_mtime_ns) != blob.name:
            return False
        if status.st_mtime_ns % _SECOND != _mark(blob.name):
            with contextlib.suppress(OSError):  # not ours, or read-only: then it is hashed in each run
                _set_mark(blob)
    except FileNotFoundError:
        return False
    return True


@functools.cache
def _sha256(blob: Path, inode: int, size: int, changed: int) -> str:  # noqa: ARG001  (they tell one file from the next)
    return files.sha256(blob)
