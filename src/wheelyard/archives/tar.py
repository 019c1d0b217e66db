"""The tar format, read strictly: one pass, bounded memory, and nothing that two readers would see in two ways.

POSIX.1-1988 (ustar), POSIX.1-2001 (pax) and GNU's long names; compressed by gzip, bzip2 or xz, or not. What ``tarfile``
does differs between the Pythons that we run on (its extraction filters came with 3.11.4), and it reads headers of any
size into memory.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from wheelyard.archives.members import Member, shown, size_fault
from wheelyard.domain.errors import WheelError

_BLOCK = 512
_CHUNK = 1 << 18
_MAX_HEADER = 64 << 10
"""Bytes of an extended header; a long path and link take some 8 kB."""
_MAX_DICTIONARY = 256 << 20
"""Bytes that xz may ask for to unpack; its strongest preset takes 65 MiB."""
_MAX_PADDING = 1 << 20
_DAMAGED = "is not a whole archive: "
_HINT = "the sdist is damaged or hostile: fetch it again, or tell its authors"
_KINDS = {b"0": "file", b"\0": "file", b"1": "hardlink", b"2": "symlink", b"5": "folder"}
_NUMBER = re.compile(rb" *([0-7]*)[ \0]*")
_PAX_RECORD = re.compile(rb"(\d{1,5}) ([^=\n]+)=")
_PAX_TELLING = frozenset({"path", "linkpath", "size"})


def damaged(message: str, where: str) -> WheelError:
    """Return the error of an archive that is cut off, altered, or read in another way by another reader."""
    return WheelError(_DAMAGED + message, where=where, hint=_HINT)


def refused(message: str, where: str) -> WheelError:
    """Return the error of an archive with a member that no sdist needs."""
    return WheelError(message, where=where, hint=_HINT)


def tar_members(stream: IO[bytes], where: str) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield the members with their content, in the archive's order; content that is not taken is skipped.

    A member's name and link are as they are spelled, of bounded size, and not judged further here.

    :raises WheelError: if the archive is damaged, ambiguous, or has a device, a pipe or a sparse file.
    """
    source = _Source(io.BufferedReader(_Pieces(_unpacked(stream, where))), where)
    extended = _Extended()
    while (block := source.block()) is not None:
        header = _header(block, where)
        if header.type in (b"x", b"g", b"L", b"K"):
            extended.take(header, source)
            continue
        member = extended.member(header, where)
        content = source.content(member.size)
        yield member, content
        for _ in content:
            pass
        extended = _Extended()
    if extended.is_pending:
        raise damaged("it ends behind an extended header", where)
    source.check_end()


def _unpacked(stream: IO[bytes], where: str) -> Iterator[bytes]:
    """Yield the bytes of the tar, by what the first bytes say of compression; never more than a chunk at once."""
    start = stream.read(6)
    stream.seek(0)
    decompressor: zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor
    if start.startswith(b"\x1f\x8b"):
        decompressor = zlib.decompressobj(31)
    elif start.startswith(b"BZh"):
        decompressor = bz2.BZ2Decompressor()
    elif start.startswith(b"\xfd7zXZ"):
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DICTIONARY)
    else:
        while raw := stream.read(_CHUNK):
            yield raw
        return
    try:
        yield from _decompressed(stream, decompressor, where)
    except (zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise damaged(str(error), where) from error
    if any(decompressor.unused_data) or any(any(raw) for raw in iter(lambda: stream.read(_CHUNK), b"")):
        # Some readers go on with a second stream, some do not: they would unpack two different trees.
        raise damaged("something follows the compressed stream", where)


def _decompressed(
    stream: IO[bytes], by: zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor, where: str
) -> Iterator[bytes]:
    while not by.eof:
        raw = b""
        if isinstance(by, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
            if by.needs_input:
                raw = stream.read(_CHUNK)
        else:
            raw = by.unconsumed_tail or stream.read(_CHUNK)
        piece = by.decompress(raw, _CHUNK)
        if not raw and not piece and not by.eof:
            raise damaged("it is cut off", where)
        yield piece


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


@dataclass(frozen=True, slots=True)
class _Source:
    """The blocks of a tar, behind any compression."""

    stream: IO[bytes]
    where: str

    def block(self) -> bytes | None:
        """Return the next header, None at the end of the archive."""
        block = self.stream.read(_BLOCK)
        if len(block) < _BLOCK:
            raise damaged("it is cut off, or no tar archive", self.where)
        return block if any(block) else None

    def content(self, size: int) -> Iterator[bytes]:
        """Yield the content of a member, padding left out."""
        padding = -size % _BLOCK
        while size:
            piece = self.stream.read(min(size, _CHUNK))
            if not piece:
                raise damaged("it is cut off", self.where)
            size -= len(piece)
            yield piece
        if len(self.stream.read(padding)) != padding:
            raise damaged("it is cut off", self.where)

    def check_end(self) -> None:
        """Check that nothing but padding follows: some readers go on behind the end."""
        padding = 0
        while piece := self.stream.read(_CHUNK):
            padding += len(piece)
            if any(piece) or padding > _MAX_PADDING:
                raise damaged("something follows the end of the tar archive", self.where)


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    type: bytes
    size: int
    mode: int
    mtime: int
    link: str


def _header(block: bytes, where: str) -> _Header:
    whole = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in whole)
    if _number(block[148:156], where) not in (sum(whole), signed):
        raise damaged("a header has another check sum, or this is no tar archive", where)
    name = _text(block[:100])
    prefix = block[345:500]
    if block[257:265] == b"ustar\x0000":
        name = f"{_text(prefix)}/{name}" if prefix[0] else name
    elif any(prefix):  # to some readers a part of the name, to others not
        raise damaged(f"the header of {shown(name)} is of no known kind", where)
    return _Header(
        name=name,
        type=block[156:157],
        size=_number(block[124:136], where),
        mode=_number(block[100:108], where),
        mtime=_number(block[136:148], where),
        link=_text(block[157:257]),
    )


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(value: bytes, where: str) -> int:
    if value[0] in (0x80, 0xFF):  # GNU's base-256
        return int.from_bytes(value[1:], "big") if value[0] == 0x80 else -1
    octal = _NUMBER.fullmatch(value)
    if octal is None:
        raise damaged("a header has a field that is no number", where)
    return int(octal[1] or b"0", 8)


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the next member."""

    path: str | None = None
    link: str | None = None
    size: int | None = None
    is_pending: bool = False
    _taken: set[bytes] = field(default_factory=set)

    def take(self, header: _Header, source: _Source) -> None:
        """Read one; where two say the same thing, readers believe one or the other."""
        where = source.where
        if not 0 <= header.size <= _MAX_HEADER:
            raise damaged(f"an extended header of {header.size} bytes", where)
        content = b"".join(source.content(header.size))
        if header.type == b"g":
            for key, _ in _pax(content, where):
                if key in _PAX_TELLING or key.startswith("GNU.sparse"):
                    raise damaged(f"a global header sets {key!r} for all members", where)
            return
        if header.type in self._taken or (self._taken and b"x" in {*self._taken, header.type}):  # pax beside GNU's
            raise damaged("two extended headers for one member", where)
        self._taken.add(header.type)
        self.is_pending = True
        if header.type == b"x":
            self._read(content, where)
        elif header.type == b"L":
            self.path = _text(content)
        else:
            self.link = _text(content)

    def _read(self, content: bytes, where: str) -> None:
        seen = set()
        for key, value in _pax(content, where):
            if key in seen:
                raise damaged(f"an extended header says {key!r} twice", where)
            seen.add(key)
            if key.startswith("GNU.sparse"):
                raise refused("holds a device, pipe or sparse file", where)
            if key in ("path", "linkpath") and b"\0" in value:
                raise damaged(f"an extended header has a {key!r} with a NUL", where)
            if key == "path":
                self.path = value.decode("utf-8", "surrogateescape")
            elif key == "linkpath":
                self.link = value.decode("utf-8", "surrogateescape")
            elif key == "size":
                self.size = int(value) if re.fullmatch(rb"\d{1,18}", value) else -1

    def member(self, header: _Header, where: str) -> Member:
        """Return the member of a header."""
        name = header.name if self.path is None else self.path
        if (fault := size_fault(name)) is not None:
            raise refused(fault, where)
        kind = _KINDS.get(header.type)
        if kind is None:
            raise refused(f"holds a device, pipe or sparse file: {shown(name)}", where)
        if header.type == b"\0" and name.endswith("/"):  # how the oldest tars write a folder
            kind = "folder"
        link = ""
        if kind in ("symlink", "hardlink"):
            link = header.link if self.link is None else self.link
            if (fault := size_fault(link)) is not None:
                raise refused(f"{shown(name)} is a link: {fault}", where)
        if header.size < 0 or (self.size is not None and self.size != header.size):
            raise damaged(f"two headers say two sizes of {shown(name)}", where)
        if header.size and kind != "file":  # skipped by some readers, and read as headers by others
            raise damaged(f"{shown(name)} is a {kind} with content", where)
        return Member(
            name=name,
            parts=(),
            kind=kind,  # type: ignore[arg-type]  # a value of _KINDS
            size=header.size,
            is_executable=bool(header.mode & 0o100),
            mtime=max(header.mtime, 0),
            link=tuple(link.split("/")) if link else (),
        )


def _pax(content: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield the records of a pax header: ``LENGTH KEY=VALUE`` and a line break each."""
    position = 0
    while position < len(content):
        record = _PAX_RECORD.match(content, position)
        end = position + int(record[1]) if record else 0
        if record is None or end <= record.end() or end > len(content) or content[end - 1 : end] != b"\n":
            raise damaged("an extended header that cannot be read", where)
        yield record[2].decode("utf-8", "replace"), content[record.end() : end - 1]
        position = end
