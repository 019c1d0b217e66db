"""A strict reader of wheels: every fault is found and named, before anybody installs one.

pip and ``installer`` take wheels whose RECORD is incomplete or wrong; we do not. What is checked follows the binary
distribution format (PEP 427, 491) and the zip format's own traps.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from wheelyard.check.model import WheelFacts
from wheelyard.check.modules import top_level_modules
from wheelyard.check.record import record_faults
from wheelyard.errors import WheelError

MAX_MEMBERS = 500_000
MAX_SIZE = 16 << 30
"""Bytes that a wheel may unpack to."""
MAX_RATIO = 250
"""Times that a wheel of more than ``_RATIO_FROM`` bytes may grow when it is unpacked."""
_RATIO_FROM = 256 << 20
_MAX_TEXT = 16 << 20
_SHOWN = 12
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, OSError)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:")


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
    with _opened(source, where) as archive:
        faults = list(member_faults(archive.infolist(), _size(source)))
        _refuse(faults, where)  # nothing is read out of an archive that is built to harm
        reader = _Reader(archive, where)
        facts = reader.facts()
        if hashing and not reader.faults:
            reader.faults += record_faults(archive, facts.dist_info)
        _refuse(reader.faults + (list(facts.remarks) if strict else []), where)
        return facts


def _refuse(faults: Sequence[str], where: str) -> None:
    if not faults:
        return
    more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    raise WheelError("; ".join([*faults[:_SHOWN], *more]), where=where, hint="the wheel is damaged or hostile")


def _size(source: Path | bytes) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


@contextmanager
def _opened(source: Path | bytes, where: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source)) as archive:
            yield archive
    except _DAMAGED as error:
        raise WheelError(f"is not a whole zip archive: {error}", where=where) from error


def member_faults(members: Sequence[zipfile.ZipInfo], size: int) -> Iterator[str]:
    """Yield what is wrong with the list of members of an archive of ``size`` bytes."""
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS:
        yield f"it has {len(members)} members"
    if unpacked > MAX_SIZE or (unpacked > _RATIO_FROM and unpacked > MAX_RATIO * size):
        yield f"it unpacks from {size} to {unpacked} bytes: an archive bomb"
    if sum(member.compress_size for member in members) > size:
        yield "its members overlap: an archive bomb"
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for member in members:
        name = member.filename
        yield from _name_faults(member)
        if member.is_dir():
            continue
        folded = name.casefold()
        if folded in seen:
            what = "is there twice" if seen[folded] == name else f"differs from {seen[folded]!r} by case only"
            yield f"{name!r} {what}"
        seen[folded] = name
        parts = folded.split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    for folded in sorted(folders & seen.keys()):
        yield f"{seen[folded]!r} is a file and a folder"


def _name_faults(member: zipfile.ZipInfo) -> Iterator[str]:
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    parts = name.removesuffix("/").split("/")
    if _FORBIDDEN.search(name) or ".." in parts or "." in parts or "" in parts:
        yield f"the name {name!r} is not a plain relative path"
    if kind == stat.S_IFLNK:
        yield f"{name!r} is a symlink"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield f"{name!r} is not a file"
    if member.flag_bits & 0x1:
        yield f"{name!r} is encrypted"
    if member.compress_type not in _METHODS:
        yield f"{name!r} is compressed by a method that Python does not know"


class _Reader:
    """Reads the three descriptions of one wheel and collects where they disagree."""

    def __init__(self, archive: zipfile.ZipFile, where: str) -> None:
        self._archive = archive
        self._where = where
        self.faults: list[str] = []
        self._remarks: list[str] = []

    def facts(self) -> WheelFacts:
        """Return the facts; ``faults`` holds what is wrong.

        :raises WheelError: if there is nothing to read the facts from.
        """
        try:
            name, version, _, tags = parse_wheel_filename(self._where)
        except InvalidWheelFilename as error:
            raise WheelError(f"its name is not a wheel's: {error}", where=self._where) from error
        members = tuple(member.filename for member in self._archive.infolist() if not member.is_dir())
        dist_info = self._dist_info(members)
        self._agree("the .dist-info folder", *_split(dist_info), name=name, version=version)
        metadata = self._text(f"{dist_info}/METADATA")
        headers = BytesHeaderParser().parsebytes(metadata)
        self._agree("METADATA", _one(headers, "Name"), _one(headers, "Version"), name=name, version=version)
        expanded = frozenset(str(tag) for tag in tags)
        self._wheel(BytesHeaderParser().parsebytes(self._text(f"{dist_info}/WHEEL")), expanded)
        return WheelFacts(
            filename=self._where,
            name=name,
            version=_one(headers, "Version"),
            tags=expanded,
            dist_info=dist_info,
            metadata=metadata,
            requires_python=_one(headers, "Requires-Python") or None,
            requires_dist=_all(headers, "Requires-Dist"),
            provides_extra=_all(headers, "Provides-Extra"),
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
            f"there is a folder {each!r} beside {found[0]!r}" for each in data if "-" in each and each != expected
        ]
        return found[0]

    def _text(self, name: str) -> bytes:
        try:
            member = self._archive.getinfo(name)
        except KeyError:
            raise WheelError(f"{name} is missing", where=self._where) from None
        if member.file_size > _MAX_TEXT:
            raise WheelError(f"{name} is of absurd size", where=self._where)
        return self._archive.read(member)

    def _agree(self, what: str, found: str, found_version: str, *, name: str, version: Version) -> None:
        if canonicalize_name(found) != name:
            self.faults.append(f"{what} says the name is {found!r}, the file name says {name!r}")
        try:
            same = Version(found_version) == version
        except InvalidVersion:
            same = False
        if not same:
            self.faults.append(f"{what} says the version is {found_version!r}, the file name says '{version}'")

    def _wheel(self, headers: Message, tags: frozenset[str]) -> None:
        version = _one(headers, "Wheel-Version")
        if version.partition(".")[0] != "1":
            self.faults.append(f"WHEEL says its format is version {version!r}, which nobody knows")
        if _one(headers, "Root-Is-Purelib").lower() not in ("true", "false"):
            self._remarks.append("WHEEL does not say Root-Is-Purelib")
        said = frozenset(str(tag) for text in _all(headers, "Tag") for tag in parse_tag(text) if text.count("-") == 2)
        if said != tags:
            # No installer looks; older repair and retag tools left them behind.
            self._remarks.append(f"WHEEL has the tags {_list(said)}, the file name {_list(tags)}")


def _list(tags: frozenset[str]) -> str:
    return ", ".join(sorted(tags)) or "none"


def _split(dist_info: str) -> tuple[str, str]:
    name, _, version = dist_info.removesuffix(".dist-info").partition("-")
    # Old tools kept a hyphen in the name: then the version is what follows the last one.
    if "-" in version:
        name, _, version = dist_info.removesuffix(".dist-info").rpartition("-")
    return name, version.replace("_", "-")


def _one(headers: Message, key: str) -> str:
    return str(headers.get(key, "")).strip()


def _all(headers: Message, key: str) -> tuple[str, ...]:
    return tuple(" ".join(str(value).split()) for value in headers.get_all(key, []))
