"""The content-addressed cache: every byte once, under its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from wheelyard.domain.errors import HashMismatchError, StorageError
from wheelyard.io import files


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.absolute())  # what is in it is used from other working folders

    def path(self, sha256: str) -> Path:
        """Return where the blob of this digest is, or would be."""
        return self.root / "sha256" / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the blob is here. It was hashed when it came in; ``wheelyard check`` hashes it again."""
        return self.path(sha256).is_file()

    def area(self, name: str) -> Path:
        """Return a folder of the cache for what is not a blob (``pages``, ``metadata``, ``builds``, ``logs``)."""
        return self.root / name

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on the store's own file system, removed at the end."""
        base = self.root / "tmp"
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base) as name:
            yield Path(name)

    def add_bytes(self, content: bytes) -> str:
        """Put bytes into the store and return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            files.write(self.path(digest), content, mode=0o444)
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
                _publish(copied, self.path(digest))
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
            raise StorageError(
                "it is not in the store", where=into.name, hint="run again: it is fetched first"
            ) from None
        with reader:
            digest = _copy_hashing(reader, into, sync=False)
        if digest != sha256:
            into.unlink()
            raise HashMismatchError(
                f"its copy in the store has sha256 {digest}, not {sha256}: {path}",
                where=into.name,
                hint="the store was changed or is damaged: delete that file and run again",
            )
        return into

    def verify(self, sha256: str) -> bool:
        """Whether the blob is here and still has its digest; one that does not is removed."""
        path = self.path(sha256)
        try:
            if files.sha256(path) == sha256:
                return True
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        return False

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


def _publish(path: Path, destination: Path) -> None:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        path.replace(destination)
        files.sync_directory(destination.parent)
    except OSError as error:
        raise files.storage_error(destination, error) from error
