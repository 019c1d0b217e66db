"""A strict reader of sdists, for all who take them in: mirror, add, check, and the build that unpacks them.

PEP 517, 625 (the format of sdists), 643 (their metadata), 706 (safe extraction).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import Version

from wheelyard.archives import zip as zips
from wheelyard.archives.members import MAX_MEMBERS, Member, TakenPaths, growth_fault, shown, size_fault
from wheelyard.archives.tar import refused, tar_members
from wheelyard.domain.errors import WheelError
from wheelyard.wheels.core_metadata import read_headers
from wheelyard.wheels.metadata_check import identity_faults, metadata_faults

MAX_SIZE = 4 << 30
"""Bytes that an sdist may unpack to."""
_MAX_TEXT = 16 << 20


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
        self._places = TakenPaths()
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
        return replace(member, parts=parts, link=link)

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
    with zips.opened(stream, where) as archive:
        for entry in archive.entries:
            if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(f"holds a link, device or pipe: {shown(entry.name)}", where)
            member = Member(
                name=entry.name,
                parts=(),
                kind="folder" if entry.is_folder else "file",
                size=entry.size,
                is_executable=bool(entry.mode & 0o111),
                mtime=entry.mtime,
            )
            yield member, archive.blocks(entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFacts:
    """What a checked sdist says of itself."""

    filename: str
    name: str
    """Normalised (PEP 503)."""
    version: str
    """Normalised (PEP 440)."""
    requires_python: str | None
    metadata: bytes
    """PKG-INFO."""
    members: tuple[str, ...]
    """Every file and link below the top folder, in the archive's order."""


def read(source: Path, *, filename: str | None = None) -> SdistFacts:
    """Check an sdist in full and return its facts.

    Beyond its members: the file name, the top folder and PKG-INFO name one project and one version.

    :param filename: its name, where ``source`` is a blob of the store.
    :raises WheelError: naming what is wrong.
    """
    where = filename or source.name
    try:
        name, version = parse_sdist_filename(where)
    except InvalidSdistFilename as error:
        raise refused(f"its name is not an sdist's: {error}", where) from error
    info: bytes | None = None
    top = ""
    paths = []
    try:
        with source.open("rb") as stream:
            for member, content in members(stream, where):
                top = member.parts[0]
                if member.kind != "folder":
                    paths.append("/".join(member.parts[1:]))
                if member.kind == "file" and member.parts[1:] == ("PKG-INFO",):
                    info = _text(member, content, where)
                for _ in content:  # all of it is read: a check sum at its end may not hold
                    pass
    except OSError as error:
        raise WheelError(f"cannot be read: {error.strerror or error}", where=where, hint="check the path") from error
    if info is None:
        raise WheelError(
            "PKG-INFO is missing below its top folder", where=where, hint="python -m build --sdist makes an sdist"
        )
    headers = read_headers(info)
    faults = [*metadata_faults("PKG-INFO", headers), *_top_faults(top, name, version)]
    said = headers.one("Name"), headers.one("Version")
    faults += identity_faults("PKG-INFO", *said, name=name, version=version)
    if faults:
        raise refused("; ".join(faults[:12]), where)
    return SdistFacts(
        filename=where,
        name=name,
        version=str(version),
        requires_python=headers.one("Requires-Python") or None,
        metadata=info,
        members=tuple(paths),
    )


def _text(member: Member, content: Iterator[bytes], where: str) -> bytes:
    if member.size > _MAX_TEXT:
        raise refused(f"{shown(member.name)} is of absurd size", where)
    return b"".join(content)


def _top_faults(top: str, name: str, version: Version) -> list[str]:
    """Return where the top folder is not NAME-VERSION (PEP 625), in any spelling: a name may have hyphens."""
    splits = [(top[:at], top[at + 1 :]) for at, letter in enumerate(top) if letter == "-"]
    if any(not [*identity_faults("", *split, name=name, version=version)] for split in splits):
        return []
    return [f"its top folder is {shown(top)}, the file name says '{name}-{version}'"]
