"""Apple's installer packages (``.pkg``): files are read out of one, nothing of it is run or written.

A package is a xar archive (a header, a compressed table of contents in XML, a heap). The files to install are in its
members named ``Payload``, each a cpio archive of the portable form (``odc``), compressed by gzip or in pbzx (pieces of
xz). Everything in it is taken as hostile: each length is held against what is there, and what comes out is limited.
"""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from xml.etree import ElementTree

MAGIC = b"xar!"
_MAX_CONTENTS = 32 << 20
_MAX_PAYLOAD = 8 << 30
_MAX_PIECE = 64 << 20
_MAX_NAME = 4096
_MAX_FILES = 500_000
_CHUNK = 1 << 20
_GZIP, _PBZX, _CPIO = b"\x1f\x8b", b"pbzx", b"070707"
_CPIO_HEADER = struct.Struct("6s6s6s6s6s6s6s6s11s6s11s")
_REGULAR = 0o100000


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


def files(package: Path, wanted: Callable[[str], bool], *, largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the regular files that a package installs and whose names are wanted.

    :param largest: bytes that a file may have; greater ones are passed over.
    :raises ValueError: if it is damaged, or no such package.
    :raises OSError: if it cannot be read.
    """
    with package.open("rb") as stream:
        count = 0
        for offset, length in _payloads(stream):
            stream.seek(offset)
            for name, size, content in _cpio(_unpacked(stream, length)):
                count += 1
                if count > _MAX_FILES:
                    raise ValueError("it has too many files")
                if size <= largest and wanted(name):
                    yield name, content.read(size)


def _payloads(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield place and length of each payload."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = _exactly(stream, 28)
    magic, size, _, packed, unpacked, _ = struct.unpack(">4sHHQQI", head)
    if magic != MAGIC or size < 28 or packed > _MAX_CONTENTS or unpacked > _MAX_CONTENTS:
        raise ValueError("not an installer package")
    stream.seek(size)
    unpack = zlib.decompressobj()
    try:
        contents = unpack.decompress(_exactly(stream, packed), unpacked)
    except zlib.error as error:
        raise ValueError(f"its table of contents is damaged: {error}") from error
    heap = size + packed
    for file in _tree(contents).iter("file"):
        data = file.find("data")
        if file.findtext("name") != "Payload" or data is None:
            continue
        encoding = data.find("encoding")
        style = encoding.get("style") if encoding is not None else None
        if style not in (None, "application/octet-stream"):
            raise ValueError(f"its payload is encoded as {style}")
        offset, length = _number(data, "offset"), _number(data, "length")
        if heap + offset + length > end:
            raise ValueError("its payload lies outside of it")
        yield heap + offset, length


def _tree(contents: bytes) -> ElementTree.Element:
    # Without a declaration there are no entities, neither endless nor external ones.
    text = contents.decode("utf-8")
    if "<!" in text:
        raise ValueError("its table of contents has declarations")
    try:
        return ElementTree.fromstring(text)  # noqa: S314  (see above)
    except ElementTree.ParseError as error:
        raise ValueError(f"its table of contents is damaged: {error}") from error


def _number(element: ElementTree.Element, name: str) -> int:
    text = (element.findtext(name) or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"its table of contents has no {name}")
    return int(text)


def _unpacked(stream: BinaryIO, length: int) -> _Reader:
    """Return a reader of what a payload's compression hides."""
    raw = io.BufferedReader(_Part(stream, length), _CHUNK)
    head = raw.peek(6)
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=raw)
    if head.startswith(_PBZX):
        return io.BufferedReader(_Pieces(raw), _CHUNK)
    if head.startswith(_CPIO):
        return raw
    raise ValueError("its payload is of an unknown kind")


class _Part(io.RawIOBase):
    """What lies between here and ``length`` bytes further on."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._place, self._end = stream, stream.tell(), stream.tell() + length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        self._stream.seek(self._place)
        content = self._stream.read(min(len(buffer), self._end - self._place))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


class _Pieces(io.RawIOBase):
    """The content of a pbzx stream: pieces, each with its two lengths in front, as xz or plain."""

    def __init__(self, stream: _Reader) -> None:
        self._stream, self._piece = stream, io.BytesIO()
        _exactly(stream, 12)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not (count := self._piece.readinto(buffer)):
            head = self._stream.read(16)
            if not head:
                return 0
            unpacked, packed = struct.unpack(">QQ", head)
            if packed > _MAX_PIECE or unpacked > _MAX_PIECE:
                raise ValueError("a piece of its payload is too big")
            piece = _exactly(self._stream, packed)
            if piece.startswith(b"\xfd7zXZ\0"):
                piece = lzma.LZMADecompressor(memlimit=1 << 30).decompress(piece, max_length=unpacked)
            self._piece = io.BytesIO(piece)
        return count


def _cpio(stream: _Reader) -> Iterator[tuple[str, int, _Reader]]:
    """Yield name, size and content of the regular files; what is not read of one is skipped."""
    total = 0
    while True:
        header = _CPIO_HEADER.unpack(_exactly(stream, _CPIO_HEADER.size))
        if header[0] != _CPIO or not all(field.isdigit() for field in header):
            raise ValueError("its payload is damaged")
        mode, length, size = (int(header[at], 8) for at in (3, 9, 10))
        total += size
        if length > _MAX_NAME or total > _MAX_PAYLOAD:
            raise ValueError("its payload is too big")
        name = _exactly(stream, length).rstrip(b"\0").decode("utf-8", "replace")
        if name == "TRAILER!!!":
            return
        content = _Content(stream, size)
        if mode & 0o170000 == _REGULAR:
            yield name, size, content
        content.skip()


class _Content:
    """The content of one file of a cpio archive."""

    def __init__(self, stream: _Reader, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int, /) -> bytes:
        wanted = min(size, self._left)
        self._left -= wanted
        return _exactly(self._stream, wanted)

    def skip(self) -> None:
        while self._left:
            self.read(_CHUNK)


def _exactly(stream: _Reader, size: int) -> bytes:
    """Read as much, or fail.

    :raises ValueError: if there is less.
    """
    content = stream.read(size)
    if len(content) != size:
        raise ValueError("it ends too early")
    return content
