"""Carrying a wheel as what changed since the wheel before: members that are the same bytes are copied over there.

Members of a zip are compared as they lie there, compressed. See ``docs/decisions/0007-splices.md`` for why.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.host.inspecting import wheelhouse_root
from wheelyard.host.manifest import FileEntry, Manifest, canonical
from wheelyard.host.splicing import MAX_PLAN
from wheelyard.host.tarstream import copy_content
from wheelyard.host.volumes import is_bundle, open_volume, volume_parts
from wheelyard.io.temporary import temporary_folder

_WORTH = 0.9
_SMALLEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """A payload in a temporary file, to be carried instead of the whole."""

    payload: Path
    size: int


def _kind(entry: FileEntry) -> tuple[str, ...] | None:
    """Return what two wheels must share to be compared: project and tags, but not version and build."""
    if entry.kind != "wheel":
        return None
    try:
        wheel = wheel_name.parse(entry.path.rpartition("/")[2])
    except ValueError:
        return None
    return wheel.project, wheel.python, wheel.abi, wheel.platform, wheel.label


def pairs(new: Manifest, base: Manifest) -> dict[str, FileEntry]:
    """Return sha256 of a new wheel → the older wheel that it replaces."""
    # Backwards, so that of several names the first stays: under that one a bundle holds the content.
    older = {kind: entry for entry in reversed(base.files) if (kind := _kind(entry)) is not None}
    known = {entry.sha256 for entry in base.files}
    fresh = {entry.sha256: kind for entry in new.files if entry.sha256 not in known and (kind := _kind(entry))}
    return {digest: older[kind] for digest, kind in fresh.items() if kind in older}


@contextmanager
def older_files(since: Path, wanted: Mapping[str, FileEntry]) -> Iterator[dict[str, Path]]:
    """Yield sha256 → path of the older files, as far as ``since`` holds them; a bundle's are unpacked for the while."""
    found: dict[str, Path] = {}
    with temporary_folder("pack") as folder:
        if since.is_dir():
            root = Path(wheelhouse_root(str(since)))
            found = {entry.sha256: root / entry.path for entry in wanted.values() if (root / entry.path).is_file()}
        elif is_bundle(str(since)):
            digests = {entry.path: entry.sha256 for entry in wanted.values()}
            with since.open("rb") as stream:
                for part in volume_parts(open_volume(str(since)), stream):
                    digest = digests.get(part.path)
                    place = folder / (digest or "unwanted")
                    with place.open("wb") if digest and part.link is None else _nowhere() as sink:
                        copy_content(stream, part.size, sink.write, str(since))
                    if digest and part.link is None:
                        found[digest] = place
        yield found


class _Nowhere:
    def write(self, block: bytes) -> int:
        return len(block)


@contextmanager
def _nowhere() -> Iterator[_Nowhere]:
    yield _Nowhere()


def _members(path: Path) -> list[tuple[int, int]]:
    """Return offset and length of each member's bytes as they lie in a zip, in order."""
    members = []
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            stream.seek(member.header_offset + 26)
            skip = stream.read(4)
            gap = int.from_bytes(skip[:2], "little") + int.from_bytes(skip[2:], "little")
            members.append((member.header_offset + 30 + gap, member.compress_size))
    return sorted(members)


def make(old: Path, old_digest: str, new: Path, new_digest: str, payload: Path) -> Splice | None:
    """Write the splice that makes ``new`` out of ``old``; None where carrying the whole is as good.

    Both files are hashed on the way: bytes that the manifests do not promise are not compared.
    """
    with suppress(zipfile.BadZipFile, OSError):
        before, after = old.read_bytes(), new.read_bytes()
        if (hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest()) != (old_digest, new_digest):
            return None
        here = {before[at : at + length]: at for at, length in _members(old) if length >= _SMALLEST}
        ops: list[list[int]] = []
        fresh: list[bytes] = []
        done = 0
        for at, length in _members(new):
            source = here.get(after[at : at + length])
            if at < done or source is None:
                continue
            if at > done:
                ops.append([at - done])
                fresh.append(after[done:at])
            ops.append([source, length])
            done = at + length
        if done < len(after):
            ops.append([len(after) - done])
            fresh.append(after[done:])
        plan = canonical({"old": old_digest, "ops": ops})
        content = len(plan).to_bytes(8, "big") + plan + b"".join(fresh)
        if len(plan) <= MAX_PLAN and len(content) < _WORTH * len(after):
            payload.write_bytes(content)
            return Splice(payload=payload, size=len(content))
    return None
