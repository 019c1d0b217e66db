"""Writing aside: all new files of a publication lie under one hidden folder until they are whole and durable."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from wheelyard.domain.errors import StorageError
from wheelyard.index.publish_record import Known, known, stamp_of
from wheelyard.io import exchange, files
from wheelyard.store.blobs import damaged
from wheelyard.wheels.metadata import metadata_of, read_metadata

PREFIX = ".staging-"
_IN_MEMORY = 1 << 20
_FEW = 32


class Staging:
    """New files under the paths they will have; ``written`` records them by path."""

    def __init__(self, into: Path) -> None:
        self.into = into
        self.root = into / f"{PREFIX}{os.getpid()}"
        self.written: dict[str, Known] = {}
        self.bytes = 0
        self._base = os.fspath(self.root)
        self._fresh: list[Path] = []
        self._folders: set[str] = set()
        self.root.mkdir(parents=True)

    def put(self, path: str, content: bytes, key: str, *, sha256: str | None = None) -> Known:
        """Write a file, and return its record."""
        descriptor = os.open(self._place(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fchmod(descriptor, 0o644)
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self.bytes += len(content)
        self._fresh.append(self.root / path)
        return self._record(path, known(stamp_of(status), sha256 or hashlib.sha256(content).hexdigest(), key))

    def blob(self, path: str, source: Path, sha256: str, *, metadata: bool) -> bytes | None:
        """Copy a blob of the store, hashed once more on the way; return its METADATA where that is asked for.

        :raises StorageError: if the store does not have it.
        :raises HashMismatchError: if it is damaged there.
        """
        name = path.rpartition("/")[2]
        try:
            if source.stat().st_size <= _IN_MEMORY:
                content = source.read_bytes()
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise damaged(source, where=name)
                self.put(path, content, sha256, sha256=sha256)
                return metadata_of(content, name) if metadata else None
            if files.sha256(source) != sha256:
                raise damaged(source, where=name)
        except FileNotFoundError:
            raise StorageError(
                "is not in the store any more", where=name, hint="run the same command again: it is fetched anew"
            ) from None
        place = Path(self._place(path))
        files.copy(source, place, sync=False)
        status = place.stat()
        self.bytes += status.st_size
        self._fresh.append(place)
        self._record(path, known(stamp_of(status), sha256, sha256))
        return read_metadata(place) if metadata else None

    def link(self, path: str, source: Path, record: Known) -> None:
        """Give a file that is staged or in place already one more name."""
        os.link(source, self._place(path), follow_symlinks=False)
        self._record(path, record)

    def staged(self, path: str) -> Path:
        """Return where a path lies now: in the staging folder if it was written in this run, else in the site."""
        return (self.root if path in self.written else self.into) / path

    def flush(self) -> None:
        """Make everything staged durable."""
        if len(self._fresh) + len(self._folders) > _FEW:
            exchange.flush(self.root)
        else:
            exchange.flush_files([*self._fresh, *map(Path, self._folders)])

    def _place(self, path: str) -> str:
        place = f"{self._base}/{path}"
        folder = place[: place.rfind("/")]
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  (ten thousand times)
            self._folders.add(folder)
        return place

    def _record(self, path: str, record: Known) -> Known:
        self.written[path] = record
        return record


def sweep(into: Path) -> None:
    """Remove what a killed publication left aside; call it under the lock only."""
    for left in into.glob(f"{PREFIX}*"):
        shutil.rmtree(left)
