"""Writing aside: a generation is whole and durable in a hidden folder before anybody sees it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from pathlib import Path

from wheelyard.index.publishers.record import Known, Stamp, known, stamp_of
from wheelyard.index.rendered import not_in_store
from wheelyard.io import exchange, files
from wheelyard.store.blobs import damaged

_IN_MEMORY = 1 << 20
_FEW = 32
_NO_LINKS = frozenset({errno.EPERM, errno.EMLINK, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES})


class Staging:
    """New files under the paths they will have; ``written`` records them by path. It is made by the first file."""

    def __init__(self, root: Path, live: Path) -> None:
        self.root = root
        self.live = live
        self.written: dict[str, Known] = {}
        self.bytes = 0
        self._base = os.fspath(root)
        self._fresh: list[Path] = []
        self._folders: set[str] = set()

    def begin(self) -> None:
        """Make the folder itself, with the mode, the owner and the labels (SELinux) of the one that it replaces."""
        if self._folders:
            return
        self.root.mkdir(parents=True)
        self._folders.add(self._base)
        if self.live.exists():
            with contextlib.suppress(OSError):
                shutil.copystat(self.live, self.root)
            status = self.live.stat()
            with contextlib.suppress(OSError):
                os.chown(self.root, status.st_uid, status.st_gid)

    def put(self, path: str, content: bytes, key: str) -> Known:
        """Write a file, and return its record."""
        stamp = self._write(path, content)
        self.bytes += len(content)
        return self._record(path, known(stamp, hashlib.sha256(content).hexdigest(), key))

    def note(self, path: str, content: bytes) -> None:
        """Write a file that no publication counts: the manifest, its signature, our own notes."""
        self._write(path, content)

    def _write(self, path: str, content: bytes) -> Stamp:
        descriptor = os.open(self._place(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fchmod(descriptor, 0o644)
            self._fresh.append(self.root / path)
            return stamp_of(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def blob(self, path: str, source: Path, sha256: str) -> Known:
        """Copy a blob of the store, hashed once more on the way.

        :raises StorageError: if the store does not have it.
        :raises HashMismatchError: if it is damaged there.
        """
        name = path.rpartition("/")[2]
        try:
            if source.stat().st_size <= _IN_MEMORY:
                content = source.read_bytes()
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise damaged(source, where=name)
                return self.put(path, content, sha256)
            if files.sha256(source) != sha256:
                raise damaged(source, where=name)
        except FileNotFoundError:
            raise not_in_store(path) from None
        place = Path(self._place(path))
        files.copy(source, place, sync=False)
        status = place.stat()
        self.bytes += status.st_size
        self._fresh.append(place)
        return self._record(path, known(stamp_of(status), sha256, sha256))

    def link(self, path: str, source: Path, record: Known) -> Known:
        """Give a file that is staged or in place already one more name."""
        return self._record(path, self.adopt(path, source, record))

    def adopt(self, path: str, source: Path, record: Known) -> Known:
        """Take a file over that is the same in this generation and the one before, and return its record."""
        place = self._place(path)
        if link_or_copy(os.fspath(source), place):
            return record
        self._fresh.append(Path(place))
        status = os.stat(place)  # noqa: PTH116
        return known(stamp_of(status), record.sha256, record.key)

    def source(self, path: str) -> Path:
        """Return where a path lies now: in the staging folder if it was written in this run, else in the site."""
        return (self.root if path in self.written else self.live) / path

    def flush(self) -> None:
        """Make everything staged durable."""
        if len(self._fresh) + len(self._folders) > _FEW:
            exchange.flush(self.root)
        else:
            exchange.flush_files([*self._fresh, *map(Path, self._folders)])

    def _place(self, path: str) -> str:
        self.begin()
        place = f"{self._base}/{path}"
        folder = place[: place.rfind("/")]
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  (ten thousand times)
        while folder not in self._folders:
            self._folders.add(folder)
            folder = folder[: folder.rfind("/")]
        return place

    def _record(self, path: str, record: Known) -> Known:
        self.written[path] = record
        return record


def link_or_copy(source: str, place: str) -> bool:
    """Give a file one more name; copy it where the file system knows no hard links. Return whether it was linked."""
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(source, place, follow_symlinks=False)
        return False
    return True
