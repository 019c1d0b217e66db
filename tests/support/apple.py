"""Apple's installer packages, written by what is public of their format: xar around compressed cpio archives."""

from __future__ import annotations

import gzip
import lzma
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path


def cpio(files: Mapping[str, bytes], *, kind: int = 0o100644) -> bytes:
    """Return a cpio archive of the portable form (``odc``)."""
    members = [*((name, content, kind) for name, content in files.items()), ("TRAILER!!!", b"", 0)]
    whole = b""
    for name, content, mode in members:
        encoded = name.encode() + b"\0"
        numbers = f"{0:06o}{0:06o}{mode:06o}{0:06o}{0:06o}{1:06o}{0:06o}{0:011o}{len(encoded):06o}{len(content):011o}"
        whole += b"070707" + numbers.encode() + encoded + content
    return whole


def pbzx(content: bytes, *, piece: int = 1 << 16) -> bytes:
    """Return content in pieces of xz, the last one plain."""
    whole = b"pbzx" + struct.pack(">Q", piece)
    parts = [content[at : at + piece] for at in range(0, len(content), piece)]
    for number, part in enumerate(parts):
        packed = part if number == len(parts) - 1 else lzma.compress(part)
        whole += struct.pack(">QQ", len(part), len(packed)) + packed
    return whole


def contents(payloads: Mapping[str, tuple[int, int]]) -> str:
    """Return the table of contents for payloads (place in the heap, length) by component."""
    entry = (
        '<file id="{0}"><name>{1}</name><type>directory</type><file id="{0}1"><name>Payload</name><type>file</type>'
        "<data><length>{3}</length><offset>{2}</offset><size>{3}</size>"
        '<encoding style="application/octet-stream"/></data></file></file>'
    )
    inner = "".join(entry.format(n, name, *place) for n, (name, place) in enumerate(payloads.items(), 1))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc>{inner}</toc></xar>'


def xar(table: str, heap: bytes, *, claimed: int | None = None) -> bytes:
    """Return a xar archive; ``claimed``: the size that it says its table of contents has."""
    packed = zlib.compress(table.encode())
    size = len(table.encode()) if claimed is None else claimed
    return struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), size, 0) + packed + heap


def package(path: Path, payload: bytes, *, component: str = "Python_Framework.pkg") -> Path:
    """Write a package with one component."""
    path.write_bytes(xar(contents({component: (20, len(payload))}), b"\0" * 20 + payload))
    return path


def compressed(files: Mapping[str, bytes]) -> bytes:
    """Return a payload as most packages have it."""
    return gzip.compress(cpio(files), mtime=0)
