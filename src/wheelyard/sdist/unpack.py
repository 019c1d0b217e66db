"""Sdists: unpacked without trusting them, patched, and read without running anything of theirs.

PEP 517, 518 (build system), 621 (project table), 643 (metadata of sdists), 706 (safe extraction).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from wheelyard.archives.members import Member
from wheelyard.io.files import storage_error
from wheelyard.sdist.reader import members

_LATEST = 2**32 - 1
"""Seconds since the epoch: times beyond it are no times of files, and some file systems take none."""


def unpack_sdist(sdist: Path, into: Path, *, filename: str | None = None) -> Path:
    """Unpack an sdist (tar with any usual compression, or zip) and return the one folder that it holds.

    :param into: a folder that is empty, or not there yet.
    :param filename: its name, where ``sdist`` is a blob of the store.
    :raises WheelError: if it is damaged, or has members that climb out, devices, too much, or not one top folder.
    """
    where = filename or sdist.name
    top: str | None = None
    try:
        into.mkdir(parents=True, exist_ok=True)
        with sdist.open("rb") as stream:
            for member, content in members(stream, where):
                top = member.parts[0]
                _write(into, member, content)
    except OSError as error:
        raise storage_error(into, error) from error
    assert top is not None  # noqa: S101  (an archive without members is refused)
    return into / top


def _write(into: Path, member: Member, content: Iterator[bytes]) -> None:
    """Write one member. No owner, no setuid and no mode but "executable" is taken over from the archive (PEP 706)."""
    path = into.joinpath(*member.parts)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.kind == "symlink":
        path.symlink_to("/".join(member.link))
    elif member.kind == "hardlink":
        path.hardlink_to(into.joinpath(*member.link))
    else:
        with path.open("xb") as sink:
            for piece in content:
                sink.write(piece)
        path.chmod(0o755 if member.is_executable else 0o644)
        written = min(member.mtime, _LATEST)
        os.utime(path, (written, written))
