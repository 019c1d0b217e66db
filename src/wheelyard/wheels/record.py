"""RECORD against what is really in the archive (PEP 376, 427).

What would mislead an installer is a fault. What only breaks the letter of the format, as older tools do it and no
installer minds, is a remark: refused in wheels that are made here, let pass in those of others. A line for a folder
that the wheel has is neither; for another folder it is a fault, since pip removes on uninstalling what RECORD lists.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """What is wrong with a RECORD."""

    faults: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def judge(archive: zips.Zip, dist_info: str) -> RecordVerdict:
    """Return where RECORD is not complete or not true; every member is read and hashed in pieces."""
    name = f"{dist_info}/RECORD"
    members = {member.name: member for member in archive.entries if not member.is_folder}
    info = members.get(name)
    if info is None:
        return RecordVerdict(("RECORD is missing",))
    if info.size > _MAX_RECORD:
        return RecordVerdict(("RECORD is of absurd size",))
    try:
        rows = list(csv.reader(io.StringIO(b"".join(archive.blocks(info)).decode("utf-8"))))
    except (UnicodeDecodeError, csv.Error) as error:
        return RecordVerdict((f"RECORD cannot be read: {error}",))
    faults = [f"RECORD has a line that is not path, hash and size: {row!r}" for row in rows if row and len(row) != 3]
    entries: dict[str, RecordEntry] = {}
    for path, digest, size in (row for row in rows if len(row) == 3):
        if path in entries:
            faults.append(f"RECORD lists {path!r} twice")
        entries[path] = RecordEntry(path, digest, size)
    # The list itself cannot hold its own hash, nor can its signatures be listed (PEP 427).
    exempt = {name, f"{name}.jws", f"{name}.p7s"}
    there = {member.name for member in archive.entries} | _folders(members)
    faults += [f"RECORD lists {path!r}, which is not there" for path in entries if path not in there]
    for path, member in members.items():
        if path not in exempt:
            faults += _member_faults(archive, member, entries.get(path))
    remarks = (remark for path, entry in entries.items() if path in members for remark in _remarks(entry))
    return RecordVerdict(tuple(faults), tuple(remarks))


def _folders(paths: Iterable[str]) -> set[str]:
    """Return the folders that files are in, with a slash behind them."""
    folders: set[str] = set()
    for path in paths:
        while (path := path.rstrip("/").rpartition("/")[0] + "/") != "/" and path not in folders:
            folders.add(path)
    return folders


def _remarks(entry: RecordEntry) -> Iterator[str]:
    if entry.digest and not entry.size:
        yield f"RECORD has no size for {entry.path!r}"
    if entry.digest.endswith("="):
        yield f"RECORD has a padded hash for {entry.path!r}"


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
