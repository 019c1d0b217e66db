"""RECORD against what is really in the archive (PEP 376, 427)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

from wheelyard.archives import zip as zips

_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
_MAX_RECORD = 64 << 20


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One line of RECORD."""

    path: str
    digest: str
    """``sha256=<base64>``, or empty."""
    size: str


def record_faults(archive: zips.Zip, dist_info: str) -> list[str]:
    """Return where RECORD is not complete or not true; every member is read and hashed in pieces."""
    name = f"{dist_info}/RECORD"
    members = {member.name: member for member in archive.entries if not member.is_folder}
    info = members.get(name)
    if info is None:
        return ["RECORD is missing"]
    if info.size > _MAX_RECORD:
        return ["RECORD is of absurd size"]
    try:
        rows = list(csv.reader(io.StringIO(b"".join(archive.blocks(info)).decode("utf-8"))))
    except (UnicodeDecodeError, csv.Error) as error:
        return [f"RECORD cannot be read: {error}"]
    faults = [f"RECORD has a line that is not path, hash and size: {row!r}" for row in rows if row and len(row) != 3]
    entries: dict[str, RecordEntry] = {}
    for path, digest, size in (row for row in rows if len(row) == 3):
        if path in entries:
            faults.append(f"RECORD lists {path!r} twice")
        entries[path] = RecordEntry(path, digest, size)
    # The list itself cannot hold its own hash, nor can its signatures be listed (PEP 427).
    exempt = {name, f"{name}.jws", f"{name}.p7s"}
    # Some tools list folders too, with the slash.
    missing = (path for path in entries if path not in members and not path.endswith("/"))
    faults += [f"RECORD lists {path!r}, which is not there" for path in missing]
    for path, member in members.items():
        if path not in exempt:
            faults += _member_faults(archive, member, entries.get(path))
    return faults


def _member_faults(archive: zips.Zip, member: zips.ZipEntry, entry: RecordEntry | None) -> Iterator[str]:
    path = member.name
    if entry is None:
        yield f"{path!r} is not in RECORD"
        return
    algorithm, _, expected = entry.digest.partition("=")
    if algorithm not in _ALGORITHMS:
        yield f"RECORD has no hash for {path!r}" if not entry.digest else f"RECORD has a weak hash for {path!r}"
        return
    digest = hashlib.new(algorithm)
    size = 0
    for block in archive.blocks(member):
        digest.update(block)
        size += len(block)
    if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() != expected.rstrip("="):
        yield f"{path!r} is not what RECORD says: another hash"
    elif entry.size and entry.size != str(size):
        yield f"{path!r} is not what RECORD says: {size} bytes, not {entry.size}"
