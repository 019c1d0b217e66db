"""The METADATA of a finished wheel: what PEP 658 wants to lie beside it, byte for byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

from wheelyard.domain.errors import WheelError

MAX_METADATA = 16 << 20
"""Bytes; the longest README seen in a METADATA is a fiftieth of it."""

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


def read_metadata(path: Path) -> bytes:
    """Return the METADATA of a wheel.

    :raises WheelError: if it has none, or more than one, or it cannot be read.
    """
    with path.open("rb") as stream:
        return _by_zipfile(stream, path.name)


def metadata_of(content: bytes, filename: str) -> bytes:
    """Return the METADATA of a wheel that is in memory: some ten times faster than ``zipfile`` for small wheels.

    :raises WheelError: as ``read_metadata``.
    """
    try:
        found = _quickly(content)
    except (struct.error, zlib.error, IndexError):
        found = None
    return _by_zipfile(io.BytesIO(content), filename) if found is None else found


def _is_metadata(name: str) -> bool:
    return name.endswith(".dist-info/METADATA") and name.count("/") == 1


def _quickly(content: bytes) -> bytes | None:
    """Walk the central directory; None for anything out of the ordinary, which is then left to ``zipfile``."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or end + _END.size != len(content):
        return None
    _, disk, start_disk, here, count, length, position, _ = _END.unpack_from(content, end)
    if disk or start_disk or here != count or position + length != end:
        return None
    found: tuple[int, int, int, int, int] | None = None
    for _ in range(count):
        header = _CENTRAL.unpack_from(content, position)
        name_end = position + _CENTRAL.size + header[10]
        name = content[position + _CENTRAL.size : name_end]
        if name.endswith(b".dist-info/METADATA") and name.count(b"/") == 1:
            if found is not None:
                return None
            found = header[4], header[7], header[8], header[9], header[16]
        position = name_end + header[11] + header[12]
    if found is None:
        return None
    method, checksum, packed, size, offset = found
    local = _LOCAL.unpack_from(content, offset)
    start = offset + _LOCAL.size + local[9] + local[10]
    raw = content[start : start + packed]
    if method == zipfile.ZIP_DEFLATED and size <= MAX_METADATA:
        raw = zlib.decompressobj(-15).decompress(raw, MAX_METADATA)
    elif method != zipfile.ZIP_STORED:
        return None
    return raw if len(raw) == size and zlib.crc32(raw) == checksum else None


def _by_zipfile(stream: io.BufferedIOBase, filename: str) -> bytes:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = [member for member in archive.infolist() if _is_metadata(member.filename)]
            if len(names) != 1:
                raise WheelError(f"{len(names)} METADATA files where one must be", where=filename)
            if names[0].file_size > MAX_METADATA:
                raise WheelError("METADATA is longer than 16 MiB", where=filename)
            return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WheelError(f"damaged: {error}", where=filename) from error
