"""What the last publication left in a folder, so that the next one needs to look at sizes and times only.

The record lies beside the folder, as it is true on one machine only. Without it (an imported bundle, a copy) every file
is hashed once again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from wheelyard.io import files

RECORD = "published.json"
EARLIER = ".published.json"
"""In the folder itself, as it was once kept."""
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


def load(state: Path, live: Path) -> dict[str, Known]:
    """Return the record by path; empty where there is none, or none that this version understands.

    :raises OSError: if the disk does not give it: what would be published without it has another number.
    """
    for path in (state / RECORD, live / EARLIER):
        try:
            content = json.loads(path.read_bytes())
            if content["format"] == _FORMAT:
                return {path: Known(*fields) for path, fields in content["files"].items()}
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}


def save(state: Path, record: dict[str, Known]) -> None:
    """Write the record.

    :raises StorageError: if it cannot be written.
    """
    content = json.dumps({"format": _FORMAT, "files": record}, separators=(",", ":"), ensure_ascii=True)
    files.write(state / RECORD, content)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(slots=True)
class Found:
    """What lies in a folder."""

    files: dict[str, Stamp] = field(default_factory=dict)
    """By path; what is no plain file has a stamp that no file has."""
    hidden: list[str] = field(default_factory=list)
    """Paths of files and folders whose name begins with a dot: they are no part of the site."""
    empty: list[str] = field(default_factory=list)
    """Paths of folders that hold nothing."""


def scan(live: Path) -> Found:
    """Return what lies in a folder; nothing where there is none."""
    found = Found()
    if live.exists():
        _scan(os.fspath(live), "", found)
    return found


_NO_FILE = Stamp(-1, -1, -1)


def _scan(folder: str, prefix: str, found: Found) -> None:
    empty = True
    with os.scandir(folder) as entries:
        for entry in entries:
            empty = False
            name = entry.name
            if name[0] == ".":
                found.hidden.append(prefix + name)
            elif entry.is_dir(follow_symlinks=False):
                _scan(f"{folder}/{name}", f"{prefix}{name}/", found)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.files[prefix + name] = Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
            else:
                found.files[prefix + name] = _NO_FILE
    if empty and prefix:
        found.empty.append(prefix[:-1])
