"""The METADATA out of a wheel that stays where it is: only the end of the zip and one member are read."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable

from wheelyard.domain.errors import WheelError

METADATA_LIMIT = 16 << 20
_BLOCK = 64 << 10


class SparseFile(io.RawIOBase):
    """A read-only file of known size whose bytes are fetched when they are read."""

    def __init__(self, size: int, tail: bytes, fetch: Callable[[int, int], bytes]) -> None:
        """``tail`` are the last bytes; ``fetch(start, stop)`` returns the bytes of a range."""
        super().__init__()
        self._size, self._position, self._fetch = size, 0, fetch
        self._pieces: list[tuple[int, bytes]] = [(size - len(tail), tail)]

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Return bytes, fetching a block of them where they are not here yet."""
        stop = self._size if count < 0 else min(self._position + count, self._size)
        if stop <= self._position:
            return b""
        content = self._piece(self._position, stop)
        self._position = stop
        return content

    def _piece(self, start: int, stop: int) -> bytes:
        for begin, content in self._pieces:
            if begin <= start and stop <= begin + len(content):
                return content[start - begin : stop - begin]
        end = min(self._size, max(stop, start + _BLOCK))
        content = self._fetch(start, end)
        self._pieces.append((start, content))
        return content[: stop - start]


def metadata_of(archive: io.RawIOBase | io.BufferedIOBase, *, where: str) -> bytes:
    """Return the ``METADATA`` of a wheel.

    :raises WheelError: if it is no zip, has no single ``*.dist-info/METADATA``, or that is damaged or too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            found = [
                info
                for info in opened.infolist()
                if info.filename.count("/") == 1 and info.filename.endswith(".dist-info/METADATA")
            ]
            if len(found) != 1:
                raise WheelError(f"has {len(found)} *.dist-info/METADATA members instead of one", where=where)
            if found[0].file_size > METADATA_LIMIT:
                raise WheelError("its METADATA is absurdly large", where=where)
            with opened.open(found[0]) as member:
                content = member.read(METADATA_LIMIT + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as error:
        raise WheelError(f"is not a sound zip: {error}", where=where) from error
    return content
