"""Members of archives, wheels and sdists alike: what they may be called, how many they may be, and who is where.

Everything is bounded before it is kept, and what is kept grows with the names themselves: no path is joined for each of
its folders.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_MEMBERS = 200_000
MAX_FOLDERS = 200_000
MAX_NAME = 1024
"""Bytes of a member's name; Linux takes 4096 with the folder that it is unpacked in."""
MAX_PART = 255
"""Bytes of one part of a name: what file systems take."""
MAX_DEPTH = 64
MAX_RATIO = 250
"""Times that an archive of more than ``RATIO_FROM`` bytes may grow when it is unpacked."""
RATIO_FROM = 256 << 20

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|^/|^[A-Za-z]:")

Kind: TypeAlias = Literal["file", "folder", "symlink", "hardlink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an sdist, judged: it may be written below any empty folder."""

    name: str
    """As it is spelled in the archive."""
    parts: tuple[str, ...]
    """The path below the archive's root."""
    kind: Kind
    size: int = 0
    is_executable: bool = False
    mtime: int = 0
    """Seconds since the epoch."""
    link: tuple[str, ...] = ()
    """Of a symbolic link: its text, from its own folder. Of a hard link: the path of the other member."""


def shown(name: str) -> str:
    """Return a name as a message shows it: quoted, escaped and cut."""
    return repr(name if len(name) <= 120 else f"{name[:80]}...{name[-20:]}")


def size_fault(name: str) -> str | None:
    """Return what is too much of a member's name, None if nothing is."""
    if len(name) > MAX_NAME or len(encoded := name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        return f"the name {shown(name)} has more than {MAX_NAME} bytes"
    if name.count("/") > MAX_DEPTH:
        return f"the name {shown(name)} is more than {MAX_DEPTH} folders deep"
    if any(len(part) > MAX_PART for part in encoded.split(b"/")):
        return f"the name {shown(name)} has a part of more than {MAX_PART} bytes"
    return None


def name_fault(name: str) -> str | None:
    """Return why a member's name is no plain relative path, None if it is one; a folder ends in a slash."""
    if (fault := size_fault(name)) is not None:
        return fault
    parts = name.removesuffix("/").split("/")
    if _CONTROL.search(name) or ".." in parts or "." in parts or "" in parts:
        return f"the name {shown(name)} is not a plain relative path"
    return None


def growth_fault(packed: int, unpacked: int, *, largest: int) -> str | None:
    """Return whether an archive of ``packed`` bytes grows too much, to too much or to more than ``largest``."""
    if unpacked > largest or (unpacked > RATIO_FROM and unpacked > MAX_RATIO * packed):
        return f"it unpacks from {packed} to {unpacked} bytes: an archive bomb"
    return None


@dataclass(slots=True)
class _Taken:
    number: int
    name: str
    """Of a file, as it was spelled; empty for a folder."""


class TakenPaths:
    """Which places an archive's members take: none may take another's, on any file system that they may land on.

    Some tell no upper from lower case, some write an accent in another way (Unicode's normal forms).
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], _Taken] = {}
        self._folders = 0

    def take(self, name: str, parts: Sequence[str], *, is_folder: bool) -> Iterator[str]:
        """Note a member at its place and yield what stands in its way.

        :param name: of ``parts``, as it is spelled in the archive; of bounded size (``size_fault``).
        """
        above = 0
        for part in parts[:-1]:
            place = self._folder(above, part)
            if place.name:
                yield f"{shown(place.name)} is a file and a folder"
                return
            above = place.number
        key = (above, _folded(parts[-1]))
        if is_folder:
            if found := self._folder(above, parts[-1]).name:
                yield f"{shown(found)} is a file and a folder"
        elif key in self._known:
            yield _clash(name, self._known[key].name)
        else:
            self._known[key] = _Taken(0, name)
        if self._folders > MAX_FOLDERS:
            yield f"it has more than {MAX_FOLDERS} folders"

    def _folder(self, above: int, part: str) -> _Taken:
        key = (above, _folded(part))
        place = self._known.get(key)
        if place is None:
            self._folders += 1
            place = self._known[key] = _Taken(self._folders, "")
        return place


def _folded(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def _clash(name: str, other: str) -> str:
    if not other:
        return f"{shown(name)} is a file and a folder"
    if name == other:
        return f"{shown(name)} is there twice"
    if name.casefold() == other.casefold():
        return f"{shown(name)} differs from {shown(other)} by case only"
    return f"{shown(name)} and {shown(other)} are at the same place"
