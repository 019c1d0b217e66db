"""Archives written field by field, so that each field can be wrong by itself while all the others hold."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

BLOCK = 512
# Of a header's fields, where each begins and how long it is (POSIX ustar).
_FIELDS = {
    "name": (0, 100),
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "type": (156, 1),
    "link": (157, 100),
    "magic": (257, 8),
    "uname": (265, 32),
    "prefix": (345, 155),
}
NUMBERS = ("mode", "uid", "gid", "size", "mtime")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def header(fields: Mapping[str, Any]) -> bytes:
    """Return a header block; whole numbers are written in octal, everything else as it is. ``sum`` adds to the sum."""
    block = bytearray(BLOCK)
    for name, (at, size) in _FIELDS.items():
        value = fields.get(name, {"mode": 0o644, "size": 0, "type": "0", "magic": b"ustar\x0000"}.get(name, b""))
        if name in NUMBERS and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            value = b"%0*o\0" % (size - 1, value)
        content = _bytes(value)[:size]
        block[at : at + len(content)] = content
    total = sum(block) + 8 * 32 + (fields["sum"] if isinstance(fields.get("sum"), int) else 0)
    block[148:156] = (b"%06o\0 " % max(total, 0))[:8]
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def extended(records: Any) -> bytes:
    """Return an extended header with its records, each with its right length."""
    content = b""
    pairs = records.items() if isinstance(records, dict) else records if isinstance(records, list) else [(records, "")]
    for pair in pairs:
        key, value = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (pair, "")
        body = b" " + _bytes(key) + b"=" + _bytes(value) + b"\n"
        size = len(body)
        while size != len(body) + len(str(size)):
            size = len(body) + len(str(size))
        content += str(size).encode() + body
    return header({"name": "x", "size": len(content), "type": "x"}) + padded(content)


def tar(members: Any) -> bytes:
    """Return a tar of members: fields of the header, ``content``, and ``pax`` records in front."""
    made = b""
    for member in members if isinstance(members, list) else []:
        fields = member if isinstance(member, dict) else {"name": member}
        content = _bytes(fields.get("content", b""))
        if fields.get("pax"):
            made += extended(fields["pax"])
        size = {} if "size" in fields else {"size": len(content)}
        made += header({**fields, **size}) + padded(content)
    return made + bytes(2 * BLOCK)


def tar_gz(members: Any) -> bytes:
    return gzip.compress(tar(members), 1, mtime=0)


def zipped(members: Any) -> bytes:
    """Return a zip of pairs of name and content, as they are, twice or nameless too."""
    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)  # a name twice is meant
        for member in members if isinstance(members, list) else []:
            name, content = member if isinstance(member, list) and len(member) == 2 else (member, "")
            info = zipfile.ZipInfo("x", (1980, 1, 1, 0, 0, 0))
            info.filename = _bytes(name)[:60_000].decode("utf-8", "replace")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _bytes(content))
    return sink.getvalue()


def recorded(members: Sequence[tuple[str, str]], info: str) -> list[list[str]]:
    """Return members of a wheel with the RECORD that fits them behind."""
    rows = []
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content.encode())}\n")
    return [*([name, content] for name, content in members), [f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n"]]


def zip_fields(content: bytes) -> list[tuple[int, int]]:
    """Return where the numbers of a zip's headers lie, as offset and length."""
    layouts = {
        b"PK\x03\x04": [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
        b"PK\x01\x02": [
            (4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4),
        ],
        b"PK\x05\x06": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    }  # fmt: skip
    found = []
    for mark, fields in layouts.items():
        at = content.find(mark)
        while at >= 0:
            found += [(at + offset, size) for offset, size in fields]
            at = content.find(mark, at + 4)
    return found
