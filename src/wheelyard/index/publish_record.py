"""What the last publication left behind, so that the next one needs to look at sizes and times only.

The record is no part of the site: without it (an imported bundle, a copy) every file is hashed once again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from wheelyard.io import files

RECORD = ".published.json"
OTHER = "not ours"
"""The key of a file that lies at the top of the folder and is only listed."""
_FORMAT = 1


class Stamp(NamedTuple):
    """How a file is recognised without reading it."""

    size: int
    mtime: int
    """Nanoseconds."""
    inode: int


class Known(NamedTuple):
    """A file as it was put in place: its stamp, its bytes, and the key of what it was made from."""

    size: int
    mtime: int
    inode: int
    sha256: str
    key: str
    """For a distribution its SHA-256; for a page a digest of everything that is written on it."""


def known(stamp: Stamp, sha256: str, key: str) -> Known:
    """Return the record of a file that is in place."""
    return Known(stamp.size, stamp.mtime, stamp.inode, sha256, key)


def load(into: Path) -> dict[str, Known]:
    """Return the record by path; empty where there is none, or none that this version understands."""
    try:
        content = json.loads((into / RECORD).read_bytes())
        if content["format"] != _FORMAT:
            return {}
        return {path: Known(*fields) for path, fields in content["files"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(into: Path, record: dict[str, Known]) -> None:
    """Write the record.

    :raises StorageError: if it cannot be written.
    """
    content = json.dumps({"format": _FORMAT, "files": record}, separators=(",", ":"), ensure_ascii=True)
    files.write(into / RECORD, content)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def scan(into: Path) -> dict[str, Stamp]:
    """Return every file of the site (names that begin with a dot are not of it); what is no plain file has no stamp."""
    found: dict[str, Stamp] = {}
    _scan(os.fspath(into), "", found)
    return found


_NO_FILE = Stamp(-1, -1, -1)


def _scan(folder: str, prefix: str, found: dict[str, Stamp]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            if entry.is_dir(follow_symlinks=False):
                _scan(f"{folder}/{name}", f"{prefix}{name}/", found)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found[prefix + name] = Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
            else:
                found[prefix + name] = _NO_FILE
