"""The zip format, read strictly: an archive that two readers would see in two ways is no archive.

Installers find a zip's members in three ways: by the directory at the end (``zipfile``, and so pip and ``installer``),
by the headers before each member (uv while it downloads), or by searching for either. Here the file must be exactly
this: the members, one after another, from the first byte on; the central directory, which says of each the same as its
own header; the record at the end, which counts and places it truly. PKWARE's APPNOTE 6.3.10; stored and deflated
members.
"""

from __future__ import annotations

import calendar
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from wheelyard.archives.members import MAX_MEMBERS, shown
from wheelyard.domain.errors import WheelError

_HINT = "the archive is damaged or hostile, and installers could unpack different things: fetch it again"
_MAX_DIRECTORY = 64 << 20
_CHUNK = 1 << 18
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_DESCRIPTOR, _PATCH, _UTF8 = 0x0008, 0x0020, 0x0800
_TELLING = _ENCRYPTED | _DESCRIPTOR | _PATCH | _UTF8
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_STORED, _DEFLATED = 0, 8

Source: TypeAlias = Path | bytes | IO[bytes]


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A member as both of its headers describe it."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    """Type and permissions (st_mode), 0 where it has none."""
    mtime: int
    start: int
    """Where its own header begins."""
    raw_name: bytes

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder."""
        return self.name.endswith("/")


class Zip:
    """An archive whose structure is sound; names are not judged, and content only as it is read."""

    def __init__(self, stream: IO[bytes], size: int, where: str) -> None:
        self._stream = stream
        self.size = size
        """Bytes of the archive itself."""
        self.where = where
        begin, end, count = self._end()
        self.entries = tuple(self._directory(begin, end, count))
        """In the order of the central directory."""
        self._content: dict[int, int] = {}
        self._lay_out(begin)

    def damaged(self, message: str) -> WheelError:
        """Return the error of an archive that readers disagree on, or cannot read."""
        return WheelError(f"is not a whole zip archive: {message}", where=self.where, hint=_HINT)

    def _at(self, position: int, size: int) -> bytes:
        if position < 0 or position + size > self.size:
            raise self.damaged("it is cut off")
        self._stream.seek(position)
        content = self._stream.read(size)
        if len(content) != size:
            raise self.damaged("it is cut off")
        return content

    def _end(self) -> tuple[int, int, int]:
        """Return begin and end of the central directory, and how many entries it is said to have."""
        if self._at(0, min(4, self.size)) not in (b"PK\x03\x04", b"PK\x05\x06"):
            raise self.damaged("it does not begin with a member")
        tail_size = min(self.size, _END.size + _FULL16)
        tail = self._at(self.size - tail_size, tail_size)
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or len(tail) - found < _END.size:
            raise self.damaged("the record at its end is missing")
        _, disk, first_disk, here, count, size, begin, comment = _END.unpack_from(tail, found)
        position = self.size - tail_size + found
        if found + _END.size + comment != len(tail):
            raise self.damaged("something follows its end")
        if b"PK" in tail[found + _END.size :]:
            raise self.damaged("its comment looks like a part of an archive")
        end = position
        if position >= _LOCATOR.size and self._at(position - _LOCATOR.size, 4) == b"PK\x06\x07":
            end, (here, count, size, begin) = self._end64(position - _LOCATOR.size, (here, count, size, begin))
        if disk or first_disk or here != count:
            raise self.damaged("it says that it is one of several volumes")
        if begin + size != end:
            raise self.damaged("the central directory is not where its end says: something stands before or behind it")
        if count > MAX_MEMBERS:
            raise WheelError(f"it has {count} members", where=self.where, hint=f"at most {MAX_MEMBERS} are taken")
        if size > _MAX_DIRECTORY:
            raise self.damaged(f"its central directory has {size} bytes")
        return begin, end, count

    def _end64(self, locator: int, short: tuple[int, int, int, int]) -> tuple[int, tuple[int, int, int, int]]:
        _, disk, position, disks = _LOCATOR.unpack(self._at(locator, _LOCATOR.size))
        if position + _END64.size != locator or disk or disks > 1:
            raise self.damaged("the zip64 record is not before its locator")
        record = _END64.unpack(self._at(position, _END64.size))
        magic, length, _, _, disk, first_disk, *long = record
        if magic != b"PK\x06\x06" or length != _END64.size - 12 or disk or first_disk:
            raise self.damaged("the zip64 record is of no known kind")
        limits = (_FULL16, _FULL16, _FULL32, _FULL32)
        if any(one not in (other, limit) for one, other, limit in zip(short, long, limits, strict=True)):
            raise self.damaged("the two records at its end disagree")
        return position, (long[0], long[1], long[2], long[3])

    def _directory(self, begin: int, end: int, count: int) -> Iterator[ZipEntry]:
        content = self._at(begin, end - begin)
        position = found = 0
        while position < len(content):
            if len(content) - position < _CENTRAL.size:
                raise self.damaged("its central directory is cut off")
            fields = _CENTRAL.unpack_from(content, position)
            name_size, extra_size, comment_size = fields[10:13]
            position += _CENTRAL.size
            after = position + name_size + extra_size + comment_size
            if fields[0] != b"PK\x01\x02" or after > len(content):
                raise self.damaged("its central directory is not one entry after another")
            raw_name = content[position : position + name_size]
            extra = content[position + name_size : position + name_size + extra_size]
            yield self._entry(fields, raw_name, extra)
            position = after
            found += 1
            if found > count:
                break
        if found != count:
            raise self.damaged(
                f"its end says {count} members, its central directory has {'more' if found > count else found}"
            )

    def _entry(self, fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> ZipEntry:
        flags, method, time, date, crc, packed, size = fields[3:10]
        disk, attributes, start = fields[13], fields[15], fields[16]
        try:
            name = raw_name.decode("utf-8" if flags & _UTF8 else "ascii")
        except UnicodeDecodeError:
            raise self.damaged(f"the name {shown(repr(raw_name)[2:-1])} is neither ASCII nor marked as UTF-8") from None
        size, packed, start = self._long(extra, raw_name, (size, packed, start))
        if disk:
            raise self.damaged(f"{shown(name)} is said to be in another volume")
        fault = None
        if flags & _ENCRYPTED:
            fault = "is encrypted"
        elif method not in (_STORED, _DEFLATED) or flags & _PATCH:
            fault = "is compressed by a method that not every installer knows"
        elif name.endswith("/") and size:
            fault = "is a folder with content"
        elif method == _STORED and (packed != size or (flags & _DESCRIPTOR and size)):
            fault = "is stored, and does not say before it how long it is"
        if fault:
            raise WheelError(f"{shown(name)} {fault}", where=self.where, hint=_HINT)
        return ZipEntry(
            name=name,
            raw_name=raw_name,
            flags=flags,
            method=method,
            crc=crc,
            packed=packed,
            size=size,
            mode=attributes >> 16,
            mtime=_mtime(date, time),
            start=start,
        )

    def _long(self, extra: bytes, raw_name: bytes, values: tuple[int, ...]) -> list[int]:
        """Return values with those that are full replaced by the ones of the zip64 field, in its order."""
        fields = self._extra(extra, raw_name)
        long = list(values)
        full = [number for number, value in enumerate(values) if value == _FULL32]
        given = fields.get(_ZIP64, b"")
        needless = [] if full else [struct.unpack_from("<Q", given, at)[0] for at in range(0, len(given) - 7, 8)]
        if len(given) < 8 * len(full) or any(one not in (0, other) for one, other in zip(needless, long, strict=False)):
            raise self.damaged(f"the zip64 field of {shown(repr(raw_name)[2:-1])} is missing, too short or untrue")
        for place, number in enumerate(full):
            (long[number],) = struct.unpack_from("<Q", given, 8 * place)
        return long

    def _extra(self, extra: bytes, raw_name: bytes) -> dict[int, bytes]:
        fields: dict[int, bytes] = {}
        position = 0
        while len(extra) - position >= 4:
            kind, size = struct.unpack_from("<2H", extra, position)
            position += 4
            value = extra[position : position + size]
            if len(value) != size or (kind in fields and kind in (_ZIP64, _UNICODE_PATH)):
                raise self.damaged(f"the extra fields of {shown(repr(raw_name)[2:-1])} cannot be read")
            fields[kind] = value
            position += size
        if any(extra[position:]):
            raise self.damaged(f"the extra fields of {shown(repr(raw_name)[2:-1])} cannot be read")
        if _UNICODE_PATH in fields and fields[_UNICODE_PATH][5:] != raw_name:
            raise self.damaged(f"an extra field gives {shown(repr(raw_name)[2:-1])} another name")
        return fields

    def _lay_out(self, begin: int) -> None:
        """Check that the members follow one another from the first byte to the directory, each as it says there."""
        ordered = sorted(self.entries, key=lambda entry: entry.start)
        position = 0
        for number, entry in enumerate(ordered):
            if entry.start != position:
                what = "overlaps the member before it" if entry.start < position else "has something hidden before it"
                raise self.damaged(f"{shown(entry.name)} {what}")
            following = ordered[number + 1].start if number + 1 < len(ordered) else begin
            position = self._local(entry, following)
        if position != begin:
            raise self.damaged("something is hidden between its members and its central directory")

    def _local(self, entry: ZipEntry, following: int) -> int:
        """Check a member's own header and return where what follows it begins."""
        fields = _LOCAL.unpack(self._at(entry.start, _LOCAL.size))
        magic, _, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
        if magic != b"PK\x03\x04":
            raise self.damaged(f"there is no member where {shown(entry.name)} should begin")
        names = self._at(entry.start + _LOCAL.size, name_size + extra_size)
        said = (names[:name_size], flags & _TELLING, method)
        if said != (entry.raw_name, entry.flags & _TELLING, entry.method):
            raise self.damaged(f"the header of {shown(entry.name)} says other than the central directory")
        size, packed = self._long(names[name_size:], entry.raw_name, (size, packed))
        end = entry.start + _LOCAL.size + name_size + extra_size + entry.packed
        self._content[entry.start] = end - entry.packed
        true = (entry.crc, entry.packed, entry.size)
        if (crc, packed, size) != true and not (entry.flags & _DESCRIPTOR and not (crc or packed or size)):
            raise self.damaged(f"the header of {shown(entry.name)} says another size or check sum")
        return self._descriptor(entry, end, following) if entry.flags & _DESCRIPTOR else end

    def _descriptor(self, entry: ZipEntry, position: int, following: int) -> int:
        """Check the sizes that stand behind a member's content: with or without a mark, of 4 or 8 bytes."""
        length = following - position
        width = 8 if length in (20, 24) else 4
        content = self._at(position, length) if length in (12, 16, 20, 24) else b""
        mark = b"PK\x07\x08" if length in (16, 24) else b""
        size = entry.packed.to_bytes(8, "little")[:width] + entry.size.to_bytes(8, "little")[:width]
        is_too_long = max(entry.packed, entry.size) >> 8 * width
        if is_too_long or content != mark + struct.pack("<L", entry.crc) + size:
            raise self.damaged(f"what stands behind {shown(entry.name)} is not its size and check sum")
        return following

    def read(self, name: str, largest: int) -> bytes | None:
        """Return the content of a member, None if there is none of this name.

        :raises WheelError: if it has more than ``largest`` bytes, or is not as the headers say.
        """
        entry = next((member for member in self.entries if member.name == name), None)
        if entry is None:
            return None
        if entry.size > largest:
            raise WheelError(f"{shown(name)} is of absurd size", where=self.where, hint=_HINT)
        return b"".join(self.blocks(entry))

    def blocks(self, entry: ZipEntry) -> Iterator[bytes]:
        """Yield the content of a member in pieces of bounded size.

        :raises WheelError: at the first byte that is not as the headers say.
        """
        size = crc = 0
        for piece in self._stored(entry) if entry.method == _STORED else self._inflated(entry):
            size += len(piece)
            if size > entry.size:
                break
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != entry.size or crc != entry.crc:
            raise self.damaged(f"{shown(entry.name)} has other content than its size and check sum say")

    def _stored(self, entry: ZipEntry) -> Iterator[bytes]:
        position, end = self._content[entry.start], self._content[entry.start] + entry.packed
        while position < end:
            piece = self._at(position, min(_CHUNK, end - position))
            position += len(piece)
            yield piece

    def _inflated(self, entry: ZipEntry) -> Iterator[bytes]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for raw in self._stored(entry):
                while raw:
                    yield inflate.decompress(raw, _CHUNK)
                    raw = inflate.unconsumed_tail
                    if inflate.eof and (raw or inflate.unused_data):
                        break
            while not inflate.eof and (piece := inflate.decompress(b"", _CHUNK)):
                yield piece
        except zlib.error as error:
            raise self.damaged(f"{shown(entry.name)}: {error}") from error
        if not inflate.eof or inflate.unused_data:  # who reads as a stream would go on there
            raise self.damaged(f"the content of {shown(entry.name)} does not end where its headers say")


def _mtime(date: int, time: int) -> int:
    """Return seconds since the epoch of a time as DOS wrote it, 0 of what is none."""
    day = (1980 + (date >> 9), date >> 5 & 15, date & 31)
    if not (1 <= day[1] <= 12 and 1 <= day[2] <= 31):
        return 0
    return calendar.timegm((*day, time >> 11, time >> 5 & 63, time % 32 * 2, 0, 0, 0))


@contextmanager
def opened(source: Source, where: str) -> Iterator[Zip]:
    """Open an archive and check its structure.

    :raises WheelError: if it is damaged, or not the one archive that every reader sees.
    """
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    try:
        if isinstance(source, Path):
            with source.open("rb") as stream:
                yield Zip(stream, stream.seek(0, io.SEEK_END), where)
        else:
            yield Zip(source, source.seek(0, io.SEEK_END), where)
    except OSError as error:
        raise WheelError(f"cannot be read: {error.strerror or error}", where=where, hint="check the path") from error
