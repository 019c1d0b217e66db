"""A strict reader of sdists, for all who take them in: mirror, add, check, and the build that unpacks them.

PEP 517, 625 (the format of sdists), 643 (their metadata), 706 (safe extraction).
"""

from __future__ import annotations

import calendar
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from wheelyard.check.members import MAX_MEMBERS, Member, Places, growth_fault, shown, size_fault
from wheelyard.check.tar import damaged, refused, tar_members

MAX_SIZE = 4 << 30
"""Bytes that an sdist may unpack to."""
_CHUNK = 1 << 20


def members(stream: IO[bytes], where: str) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield the members of an sdist (tar, compressed or not, or zip) with their content, each judged first.

    What is yielded may be written below an empty folder, in this order: no name and no link leads out of the one top
    folder, none goes through a link, and none takes another's place.

    :raises WheelError: naming the member that no sdist has; at the end, if there is not one top folder.
    """
    packed = os.fstat(stream.fileno()).st_size
    judge = _Judge(packed, where)
    for member, content in (_zip_members if _is_zip(stream) else tar_members)(stream, where):
        judged = judge.judged(member)
        if judged is not None:
            yield judged, content
    judge.check_top()


def _is_zip(stream: IO[bytes]) -> bool:
    magic = stream.read(4)
    stream.seek(0)
    return magic == b"PK\x03\x04"


class _Judge:
    """Sees every member once, in order."""

    def __init__(self, packed: int, where: str) -> None:
        self._packed = packed
        self._where = where
        self._places = Places()
        self._files: set[tuple[str, ...]] = set()
        self._tops: set[str] = set()
        self._is_folder = True
        self._count = self._unpacked = 0

    def judged(self, member: Member) -> Member | None:
        """Return a member with the path that it has below the archive's root, None for the root itself.

        :raises WheelError: if no sdist has such a member.
        """
        self._count += 1
        self._unpacked += member.size
        if self._count > MAX_MEMBERS:
            raise refused(f"unpacks to more than {MAX_MEMBERS} members", self._where)
        if (fault := growth_fault(self._packed, self._unpacked, largest=MAX_SIZE)) is not None:
            raise refused(fault, self._where)
        parts = self._parts(member.name)
        if not parts:
            if member.kind != "folder":
                raise refused(f"a member without a name: {shown(member.name)}", self._where)
            return None
        link = self._link(member, parts)
        for fault in self._places.take("/".join(parts), parts, is_folder=member.kind == "folder"):
            raise refused(f"two members are at the same place: {fault}", self._where)
        if member.kind in ("file", "hardlink"):
            self._files.add(parts)
        self._tops.add(parts[0])
        self._is_folder = self._is_folder and (len(parts) > 1 or member.kind == "folder")
        return Member(
            name=member.name,
            parts=parts,
            kind=member.kind,
            size=member.size,
            is_executable=member.is_executable,
            mtime=member.mtime,
            link=link,
        )

    def _parts(self, name: str) -> tuple[str, ...]:
        """Return the parts of a member's name; real sdists begin names with ``./`` and have double slashes."""
        if (fault := size_fault(name)) is not None:
            raise refused(fault, self._where)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or ".." in parts or "\\" in name:
            raise refused(f"a member's name leads out of the archive: {shown(name)}", self._where)
        if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
            raise refused(f"a member's name has control characters: {shown(name)}", self._where)
        return parts

    def _link(self, member: Member, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return where a link leads, empty for what is none.

        A link climbs first and then descends: so it stays inside, through other links as well, as each of them does.
        """
        if member.kind not in ("symlink", "hardlink"):
            return ()
        what = f"{shown(member.name)} is a link to {shown('/'.join(member.link))}"
        link = tuple(part for part in member.link if part not in ("", "."))
        if not link or member.link[0] == "" or any("\\" in part or not part.isprintable() for part in link):
            raise refused(f"{what}: an unsafe member", self._where)
        if member.kind == "hardlink":
            if link not in self._files:
                raise refused(f"{what}, which is no file before it: an unsafe member", self._where)
            return link
        climbs = next((number for number, part in enumerate(link) if part != ".."), len(link))
        if ".." in link[climbs:] or climbs > len(parts) - 2:
            raise refused(f"{what}, out of its folder: an unsafe member", self._where)
        return link

    def check_top(self) -> None:
        """Check that all members were below one folder."""
        if len(self._tops) != 1 or not self._is_folder:
            raise refused(f"an sdist has one top folder, this has {len(self._tops)} entries there", self._where)


def _zip_members(stream: IO[bytes], where: str) -> Iterator[tuple[Member, Iterator[bytes]]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                mode = info.external_attr >> 16
                if info.flag_bits & 1 or stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise refused(f"holds a link, device or encrypted member: {info.filename!r}", where)
                member = Member(
                    name=info.filename,
                    parts=(),
                    kind="folder" if info.is_dir() else "file",
                    size=info.file_size,
                    is_executable=bool(mode & 0o111),
                    mtime=calendar.timegm((*info.date_time, 0, 0, 0)),
                )
                yield member, _zip_content(archive, info)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise damaged(str(error), where) from error


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as content:
        while piece := content.read(_CHUNK):
            yield piece
