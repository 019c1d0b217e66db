"""A strict reader of wheels: every fault is found and named, before anybody installs one.

pip and ``installer`` take wheels whose RECORD is incomplete or wrong; we do not. What is checked follows the binary
distribution format (PEP 427, 491) and the zip format's own traps.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename

from wheelyard.archives import zip as zips
from wheelyard.archives.members import TakenPaths, growth_fault, name_fault
from wheelyard.domain import wheel_name
from wheelyard.domain.errors import WheelError
from wheelyard.domain.wheel import WheelFacts
from wheelyard.wheels import record
from wheelyard.wheels.core_metadata import Headers, read_headers
from wheelyard.wheels.metadata_check import (
    entry_point_faults,
    identity_faults,
    metadata_faults,
    same_kind,
    tags_of,
    wheel_faults,
)
from wheelyard.wheels.modules import top_level_modules

MAX_SIZE = 16 << 30
"""Bytes that a wheel may unpack to."""
_MAX_TEXT = 16 << 20
_SHOWN = 12
_SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})


def read(source: Path | bytes, *, filename: str | None = None, strict: bool = False) -> WheelFacts:
    """Check a wheel in full and return its facts.

    :param filename: its name, where ``source`` is a blob of the store or bytes.
    :param strict: remarks are faults too: for wheels that are made here.
    :raises WheelError: naming each fault.
    """
    return _read(source, filename, strict=strict, hashing=True)


def read_facts(source: Path | bytes, *, filename: str | None = None) -> WheelFacts:
    """Return the facts of a wheel whose bytes are known to be good: the same, without hashing its members.

    :raises WheelError: for faults that show without that.
    """
    return _read(source, filename, strict=False, hashing=False)


def _read(source: Path | bytes, filename: str | None, *, strict: bool, hashing: bool) -> WheelFacts:
    where = filename or (source.name if isinstance(source, Path) else "")
    with zips.opened(source, where) as archive:
        _refuse(list(_member_faults(archive)), where)  # nothing is read out of an archive that is built to harm
        reader = _WheelReader(archive, where)
        facts = reader.facts()
        remarks = facts.remarks
        if hashing and not reader.faults:
            verdict = record.judge(archive, facts.dist_info)
            reader.faults += verdict.faults
            remarks += verdict.remarks
        _refuse([*reader.faults, *(remarks if strict else ())], where)
        return facts


def _refuse(faults: Sequence[str], where: str) -> None:
    if not faults:
        return
    more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    raise WheelError("; ".join([*faults[:_SHOWN], *more]), where=where, hint="the wheel is damaged or hostile")


def _member_faults(archive: zips.Zip) -> Iterator[str]:
    """Yield what is wrong with the list of members."""
    unpacked = sum(member.size for member in archive.entries)
    if (fault := growth_fault(archive.size, unpacked, largest=MAX_SIZE)) is not None:
        yield fault
    places = TakenPaths()
    for member in archive.entries:
        if (fault := name_fault(member.name) or _kind_fault(member)) is not None:
            yield fault
            continue
        name = member.name.removesuffix("/")
        yield from places.take(name, name.split("/"), is_folder=member.is_folder)


def _kind_fault(member: zips.ZipEntry) -> str | None:
    kind = stat.S_IFMT(member.mode)
    if kind == stat.S_IFLNK:
        return f"{member.name!r} is a symlink"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR and not member.is_folder):
        return f"{member.name!r} is not a file"
    return None


class _WheelReader:
    """Reads the three descriptions of one wheel and collects where they disagree."""

    def __init__(self, archive: zips.Zip, where: str) -> None:
        self._archive = archive
        self._where = where
        self.faults: list[str] = []
        self._remarks: list[str] = []

    def facts(self) -> WheelFacts:
        """Return the facts; ``faults`` holds what is wrong.

        :raises WheelError: if there is nothing to read the facts from.
        """
        try:
            wheel = wheel_name.parse(self._where)
            name, version = wheel.project, wheel.parsed_version
        except InvalidWheelFilename as error:
            raise WheelError(f"its name is not a wheel's: {error}", where=self._where) from error
        members = tuple(member.name for member in self._archive.entries if not member.is_folder)
        dist_info = self._dist_info(members)
        self.faults += identity_faults("the .dist-info folder", *_split(dist_info), name=name, version=version)
        metadata = self._text(f"{dist_info}/METADATA")
        headers = read_headers(metadata)
        said = headers.one("Name"), headers.one("Version")
        self.faults += identity_faults("METADATA", *said, name=name, version=version)
        self.faults += metadata_faults("METADATA", headers)
        self._wheel(read_headers(self._text(f"{dist_info}/WHEEL")), wheel.tag_set)
        self._data(members, dist_info)
        self._entry_points(dist_info)
        return WheelFacts(
            filename=self._where,
            name=name,
            version=headers.one("Version"),
            tags=frozenset(wheel.tags),
            dist_info=dist_info,
            metadata=metadata,
            requires_python=headers.one("Requires-Python") or None,
            requires_dist=headers.every("Requires-Dist"),
            provides_extra=headers.every("Provides-Extra"),
            top_level_modules=top_level_modules(members, dist_info),
            members=members,
            remarks=tuple(self._remarks),
        )

    def _dist_info(self, members: Sequence[str]) -> str:
        folders = {member.partition("/")[0] for member in members if "/" in member}
        found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
        if len(found) != 1:
            raise WheelError(f"it has {len(found)} .dist-info folders, not one", where=self._where)
        data = sorted(folder for folder in folders if folder.endswith(".data"))
        expected = found[0].removesuffix(".dist-info") + ".data"
        # setuptools packages may really be named something.data; only NAME-VERSION.data is special.
        self.faults += [
            f"there is a folder {name!r} beside {found[0]!r}" for name in data if "-" in name and name != expected
        ]
        return found[0]

    def _text(self, name: str) -> bytes:
        content = self._archive.read(name, _MAX_TEXT)
        if content is None:
            raise WheelError(f"{name} is missing", where=self._where)
        return content

    def _entry_points(self, dist_info: str) -> None:
        content = self._archive.read(f"{dist_info}/entry_points.txt", _MAX_TEXT)
        if content is not None:
            self.faults += entry_point_faults(content)

    def _data(self, members: Sequence[str], dist_info: str) -> None:
        data = dist_info.removesuffix(".dist-info") + ".data"
        inside = (member.split("/") for member in members if member.startswith(f"{data}/"))
        unknown = {parts[1] for parts in inside if parts[1] not in _SCHEMES or len(parts) < 3}
        self.faults += [f"{data}/{name} is of no installation scheme" for name in sorted(unknown)]

    def _wheel(self, headers: Headers, tags: frozenset[Tag]) -> None:
        self.faults += wheel_faults(headers)
        if headers.one("Root-Is-Purelib").lower() not in ("true", "false"):
            self._remarks.append("WHEEL does not say Root-Is-Purelib")
        said = tags_of(headers)
        if said != tags:
            fault = f"WHEEL has the tags {_list(said)}, the file name {_list(tags)}"
            # Older repair and retag tools left theirs behind, and no installer looks: that alone is told, not refused.
            (self._remarks if same_kind(said, tags) else self.faults).append(fault)


def _list(tags: frozenset[Tag]) -> str:
    return ", ".join(sorted(map(str, tags))) or "none"


def _split(dist_info: str) -> tuple[str, str]:
    name, _, version = dist_info.removesuffix(".dist-info").partition("-")
    # Old tools kept a hyphen in the name: then the version is what follows the last one.
    if "-" in version:
        name, _, version = dist_info.removesuffix(".dist-info").rpartition("-")
    return name, version.replace("_", "-")
