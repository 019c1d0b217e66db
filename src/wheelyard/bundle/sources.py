"""The sources in a wheelhouse: what is needed to make it again where there is no network.

They lie in ``sources/``: ``yard.tar``, the configuration with everything that it was read from and the locks, and in
``sha256/`` every file that the locks name: sdists, wheels, and what the builds need. ``sources.json`` lists them.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from wheelyard.domain.errors import ConfigError, StorageError, VerificationError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.io import files
from wheelyard.io.files import storage_error
from wheelyard.sdist.unpack import unpack_sdist
from wheelyard.store.blobs import Store

FOLDER = "sources"
LIST = f"{FOLDER}/sources.json"
YARD = f"{FOLDER}/yard.tar"
_TOP = "yard"
_TIME = 315532800  # 1980: of every member, so that nothing depends on when it was packed
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST_LIST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that is needed to build."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPackage:
    """A package of another registry, with the file that it is."""

    package: Prefetched
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceList:
    """What ``sources.json`` says."""

    config: str
    """The configuration, below the top of the yard."""
    yard: str
    """SHA-256 of ``yard.tar``."""
    files: tuple[SourceFile, ...]
    pips: Mapping[str, SourceFile] = field(default_factory=dict)
    """By version, those that hosts of the targets have: it is proven with them."""
    prefetched: tuple[CarriedPackage, ...] = ()
    """What builds take from registries of other languages."""
    format: int = 1


def place_of(sha256: str) -> str:
    """Return where a file lies in the wheelhouse."""
    return f"{FOLDER}/sha256/{sha256[:2]}/{sha256}"


def dump(listed: SourceList) -> bytes:
    """Return the text of ``sources.json``."""
    return msgspec.json.format(msgspec.json.encode(listed), indent=1) + b"\n"


def pack_yard(paths: Iterable[Path], top: Path, into: Path) -> Path:
    """Write files, links and empty folders, all of them below ``top``, as a tar: the same yard, the same bytes.

    :raises StorageError: if one cannot be read, or the tar not be written.
    """

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = _TIME
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    try:
        with tarfile.open(into, "w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(set(paths)):
                archive.add(path, arcname=f"{_TOP}/{path.relative_to(top).as_posix()}", recursive=False, filter=plain)
    except OSError as error:
        raise storage_error(Path(error.filename or into), error) from error
    return into


def unpack(carried: Path, into: Path, store: Store, *, force: bool = False) -> SourceList:
    """Put the sources of a wheelhouse into the store, its yard into a folder, and return what they are.

    :param carried: the wheelhouse, or the folder that a bundle was imported into.
    :param force: replace files that are there.
    :raises ConfigError: if the wheelhouse carries no sources, or a file is there already.
    :raises VerificationError: if their list is damaged.
    :raises HashMismatchError: if a file is not what the list says.
    """
    root = next((place for place in (carried, carried / "current") if (place / LIST).is_file()), None)
    if root is None:
        hint = "carry them: wheelyard pack --sources"
        raise ConfigError("no sources are carried there", where=str(carried), hint=hint)
    listed = _read(root)
    with store.scratch() as scratch:
        store.add_file(_there(root / YARD), sha256=listed.yard)
        store.take(listed.yard, scratch / "yard.tar")
        yard = unpack_sdist(scratch / "yard.tar", scratch / "unpacked")
        paths = [path for path in sorted(yard.rglob("*")) if path.is_symlink() or not path.is_dir()]
        places = {path: into / path.relative_to(yard) for path in paths}
        taken = [place for place in places.values() if os.path.lexists(place)]
        if taken and not force:
            raise ConfigError("is there already", where=str(taken[0]), hint="take an empty folder; --force replaces it")
        for file in listed.files:
            if not store.has(file.sha256):
                store.add_file(_there(root / place_of(file.sha256)), sha256=file.sha256)
        for folder in (path for path in sorted(yard.rglob("*")) if path.is_dir() and not path.is_symlink()):
            (into / folder.relative_to(yard)).mkdir(parents=True, exist_ok=True)
        for path, place in places.items():
            place.unlink(missing_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                place.symlink_to(path.readlink())
            else:
                files.copy(path, place)
                place.chmod(path.stat().st_mode & 0o777)
    return listed


def _there(path: Path) -> Path:
    if not path.is_file():
        raise StorageError("a file of the sources is missing", where=str(path), hint="import the bundle again")
    return path


def _read(root: Path) -> SourceList:
    path = root / LIST
    try:
        if path.stat().st_size > _LARGEST_LIST:
            raise ValueError("it is of absurd size")
        listed = msgspec.json.decode(path.read_bytes(), type=SourceList)
        if listed.format != 1:
            raise ValueError(f"format {listed.format}: it was made by a newer Wheelyard")
        digests = [listed.yard, *(file.sha256 for file in (*listed.files, *listed.pips.values()))]
        digests += [each.sha256 for each in listed.prefetched]
        if not all(_DIGEST.fullmatch(digest) for digest in digests):
            raise ValueError("a digest is none")
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise VerificationError(f"the list of sources is damaged: {error}", where=str(path)) from error
    return listed
