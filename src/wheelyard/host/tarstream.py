"""A strict reader of plain tar streams: regular files and hard links, bounded, nothing else.

``tarfile`` would read an extended header of any size into memory and knows many kinds of members; a bundle needs two.
"""

import re
from typing import IO, Callable, Dict, Iterator, NamedTuple, Optional

from wheelyard.host.manifest import MAX_FILE
from wheelyard.host.refusal import Refused

BLOCK = 512
PIECE = 1 << 20
MAX_EXTENDED = 16 << 10
_SIZE = re.compile(r"[0-9]{1,19}\Z")  # str.isdigit() takes signs that int() does not

# ``link`` is the name of the member that a hard link repeats, None for a file.
Member = NamedTuple("Member", [("name", str), ("size", int), ("link", Optional[str])])

_TYPES = {
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"g": "a global header",
    b"L": "a GNU long name",
    b"K": "a GNU long link",
    b"S": "a sparse file",
}


def read_exactly(stream: IO[bytes], size: int, where: str) -> bytes:
    """Return exactly ``size`` bytes; Refused ``truncated`` if the stream ends before."""
    content = stream.read(size)
    if len(content) != size:
        raise Refused("truncated", "the file ends too early", where=where)
    return content


def _octal(field: bytes, where: str) -> int:
    text = field.rstrip(b"\0 ").lstrip(b" ")
    if not text:
        return 0
    if any(byte not in b"01234567" for byte in text):
        raise Refused("bad-tar", "a header has a number that is not octal", where=where)
    return int(text, 8)


def _decoded(field: bytes, where: str) -> str:
    try:
        return field.split(b"\0", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("bad-tar", "a name is not UTF-8", where=where) from None


def _extended(content: bytes, where: str) -> Dict[str, str]:
    """Return the records of an extended header (POSIX pax): only the three that we write."""
    found: Dict[str, str] = {}
    while content:
        length_text, _, _ = content.partition(b" ")
        if not length_text.isdigit() or len(length_text) > 6:
            raise Refused("bad-tar", "an extended header is damaged", where=where)
        length = int(length_text)
        record, content = content[len(length_text) + 1 : length], content[length:]
        key, equals, value = record.partition(b"=")
        if length <= len(length_text) + 1 or not equals or not value.endswith(b"\n"):
            raise Refused("bad-tar", "an extended header is damaged", where=where)
        if key not in (b"path", b"linkpath", b"size"):
            raise Refused("bad-tar", "an extended header sets {!a}".format(key), where=where)
        found[key.decode()] = _decoded(value[:-1], where)
    return found


def _header(block: bytes, where: str) -> Member:
    """Return what a header block says, its type already checked."""
    if _octal(block[100:108], where) & 0o7000:
        raise Refused("unsafe-member", "the member is setuid, setgid or sticky", where=where)
    prefix = _decoded(block[345:500], where) if block[257:263] == b"ustar\0" else ""
    name = _decoded(block[:100], where)
    size = _octal(block[124:136], where)
    link = _decoded(block[157:257], where) if block[156:157] == b"1" else None
    return Member(name="{}/{}".format(prefix, name) if prefix else name, size=size, link=link)


def _checked(block: bytes, where: str) -> bytes:
    """Return the type of a member, after the checksum of its header."""
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    if _octal(block[148:156], where) != total:
        raise Refused("bad-tar", "the checksum of a header is wrong", where=where)
    kind = block[156:157]
    return b"0" if kind == b"\0" else kind


def tar_members(stream: IO[bytes], where: str) -> Iterator[Member]:
    """Yield the members of a tar stream; each one's content must be read from ``stream`` before the next is asked for.

    :raises Refused: ``truncated``, ``bad-tar``, or ``unsafe-member`` for anything but a file or a hard link.
    """
    while True:
        block = read_exactly(stream, BLOCK, where)
        if block == bytes(BLOCK):
            if read_exactly(stream, BLOCK, where) != block:
                raise Refused("bad-tar", "the end mark is damaged", where=where)
            return
        kind = _checked(block, where)
        extended: Dict[str, str] = {}
        if kind == b"x":
            size = _octal(block[124:136], where)
            if size > MAX_EXTENDED:
                raise Refused("bad-tar", "an extended header is too large", where=where)
            extended = _extended(read_exactly(stream, -(-size // BLOCK) * BLOCK, where)[:size], where)
            block = read_exactly(stream, BLOCK, where)
            kind = _checked(block, where)
        if kind not in (b"0", b"1"):
            name = ascii(extended.get("path") or _header(block, where).name)
            raise Refused("unsafe-member", "the member is {}".format(_TYPES.get(kind, "of an unknown kind")), name)
        member = _header(block, where)
        size_text = extended.get("size", str(member.size))
        size = int(size_text) if _SIZE.match(size_text) else -1
        if not 0 <= size <= MAX_FILE or (kind == b"1" and size):
            raise Refused("bad-tar", "the size of a member is out of bounds", where=ascii(member.name))
        link = extended.get("linkpath", member.link or "") if kind == b"1" else None
        yield Member(name=extended.get("path", member.name), size=size, link=link)
        skipped = -size % BLOCK
        if read_exactly(stream, skipped, where) != bytes(skipped):
            raise Refused("bad-tar", "there is something between two members", where=where)


def no_block(block: bytes) -> None:
    """Drop a piece of a file."""


def copy_content(stream: IO[bytes], size: int, sink: Callable[[bytes], object], where: str) -> None:
    """Hand the next ``size`` bytes of a stream to ``sink`` piece by piece."""
    while size:
        content = read_exactly(stream, min(size, PIECE), where)
        sink(content)
        size -= len(content)
