"""The manifest of a publication, without reading the whole site again: its files are known by then."""

from __future__ import annotations

import bisect
import hashlib
import json
import time
from collections.abc import Container, Mapping
from typing import NamedTuple

from wheelyard.bundle import manifest
from wheelyard.bundle.manifest import GENERATION
from wheelyard.domain.errors import VerificationError
from wheelyard.domain.site import Folder, Site
from wheelyard.host.manifest import BUNDLE, MANIFEST, SIGNATURE, check_path, digest_of, dump_manifest, load_manifest
from wheelyard.index.claim import is_owners
from wheelyard.index.publishers import record
from wheelyard.index.publishers.ground import Ground
from wheelyard.index.publishers.record import Known
from wheelyard.io import files

UNLISTED = frozenset({MANIFEST, SIGNATURE, BUNDLE})
_FEW = 20_000
"""So many files are read back from the manifest before it is published, as every host will read them."""


class Head(NamedTuple):
    """What a manifest says beside its files; kept in the record, so that a lost manifest can be written again."""

    content: str
    """A digest of the files, the targets and the channel."""
    sequence: int
    previous: str | None
    created: str | None
    expires: str | None
    channel: str


class Leave(NamedTuple):
    """What becomes of the distributions that leave in a publication.

    Where they are spared for a while, that is a generation with a number of its own; where they are not, the number is
    left out. So what remains in the end has the same manifest.
    """

    spared: bool
    at_once: bool


class Listed(NamedTuple):
    """The manifest of a publication."""

    head: Head
    content: bytes | None
    """None: it is the one that lies there, unchanged."""
    digest: str
    same: bool
    """It has the bytes of the one that was published last: a signature of that fits."""


def targets_of(folders: tuple[Folder, ...]) -> tuple[manifest.TargetInfo, ...]:
    """Return what a host needs to know to choose its folder."""
    return tuple(
        manifest.TargetInfo(
            folder=folder.name,
            python=folder.target.python,
            implementation=folder.target.implementation,
            platform=folder.target.platform,
            pip=folder.pip.filename if folder.pip else None,
            variant=folder.variant,
            needs=dict(sorted(folder.needs.items())),
            proof=folder.proof.outcome,
            python_archive=folder.python_archive,
        )
        for folder in folders
    )


def keep_others(ground: Ground, written: Container[str]) -> None:
    """Keep a README and the papers: they are no part of the site, but go along, listed and signed.

    :param written: paths that are written anew.
    """
    for path in sorted(_others(ground)):
        if (
            path not in written
            and _goes_along(path)
            and ground.disk[path].size >= 0
            and not ground.keep(path, record.OTHER)
        ):
            digest = files.sha256(ground.live / path)
            ground.kept[path] = record.known(ground.disk[path], digest, record.OTHER)


def strangers(ground: Ground, written: Container[str]) -> list[str]:
    """Return the files that Wheelyard did not put there: they are left alone, neither signed nor packed.

    :param written: paths that are written anew.
    """
    return sorted(path for path in _others(ground) if not _goes_along(path) and path not in written)


def _others(ground: Ground) -> list[str]:
    return [path for path in ground.disk if path not in ground.kept and path not in UNLISTED | {GENERATION}]


def _goes_along(path: str) -> bool:
    return is_owners(path) or ("/" not in path and manifest.kind_of(path) in ("paper", "installer"))


def list_files(site: Site, ground: Ground, known: Mapping[str, Known], leave: Leave, *, dated: bool) -> Listed:
    """Return the manifest of a publication: the one that is there if it says the same.

    :param known: every file that is to be listed, but what shows the generation's number: that is known here only.
    :param dated: the manifest must say when it was made: a host whose clock was set back can tell from that.
    :raises VerificationError: if there is a file that no manifest can list (a name with a newline).
    """
    targets = targets_of(site.folders)
    content = _digest(known, targets, site.channel)
    before = ground.record.get(MANIFEST)
    head = _head(before)
    if before is None or head is None or ground.disk.get(MANIFEST) != before[:3]:
        found = _read(ground)
        if found is not None:
            there, digest = found
            same = _says(there, known, targets, site.channel)
            head = Head(
                content if same else "", there.sequence, there.previous, there.created, there.expires, there.channel
            )
        else:
            digest = before.sha256 if before is not None else ""
        lost = found is None
    else:
        digest, lost = before.sha256, False
    if head is not None and head.content == content and not (dated and head.created is None):
        if not lost:
            return Listed(head, None, digest, same=True)
        return _written(head, known, targets)._replace(same=True)  # the lost one
    return _written(_next(head, digest, content, site.channel, ground, leave, dated=dated), known, targets)


def _next(
    before: Head | None, digest: str, content: str, channel: str | None, ground: Ground, leave: Leave, *, dated: bool
) -> Head:
    created = manifest.timestamp() or (manifest.timestamp(int(time.time())) if dated else None)
    if before is None or (channel is not None and channel != before.channel):  # another channel starts its own count
        return Head(content, 1, None, created, None, channel or "")
    passing = any(map(ground.dropped, ground.record))  # the one before is what remained in between
    previous = manifest.released(ground.live) or (before.previous if passing else digest)
    step = 2 if leave.at_once and not leave.spared and not passing else 1
    return Head(content, before.sequence + step, previous, created, None, before.channel)


def _written(head: Head, known: Mapping[str, Known], targets: tuple[manifest.TargetInfo, ...]) -> Listed:
    sheet = manifest.generation_css(head.sequence)
    entries = sorted(manifest.FileEntry(path, each[0], each[3], manifest.kind_of(path)) for path, each in known.items())
    bisect.insort(entries, manifest.FileEntry(GENERATION, len(sheet), digest_of(sheet), manifest.kind_of(GENERATION)))
    made = manifest.Manifest(
        channel=head.channel or "wheelhouse",
        sequence=head.sequence,
        created=head.created,
        expires=head.expires,
        previous=head.previous,
        targets=targets,
        files=tuple(entries),
        tool=manifest.TOOL,
    )
    if not head.channel:  # one of its own, so that no two are taken for one another where both are imported
        made = made._replace(channel=f"wheelhouse-{digest_of(dump_manifest(made._replace(created=None)))[:8]}")
    content = dump_manifest(made)
    with manifest.naming_errors():
        if len(entries) <= _FEW:
            load_manifest(content)
        else:
            for path, each in known.items():
                if each.key == record.OTHER:
                    check_path(path)
    return Listed(head._replace(channel=made.channel), content, digest_of(content), same=False)


def _digest(known: Mapping[str, Known], targets: tuple[manifest.TargetInfo, ...], channel: str | None) -> str:
    state = hashlib.sha256(repr((targets, channel, GENERATION)).encode())
    for path in sorted(known):
        state.update(f"{path}\t{known[path].sha256}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _says(
    there: manifest.Manifest, known: Mapping[str, Known], targets: tuple[manifest.TargetInfo, ...], channel: str | None
) -> bool:
    files_there = {entry.path: entry.sha256 for entry in there.files}
    sheet = digest_of(manifest.generation_css(there.sequence))
    return (
        files_there == {GENERATION: sheet, **{path: each.sha256 for path, each in known.items()}}
        and there.targets == targets
        and channel in (None, there.channel)
    )


def _read(ground: Ground) -> tuple[manifest.Manifest, str] | None:
    """Return the manifest that lies there, and its digest; None if it is gone or damaged.

    One that was changed on purpose (made again to be packed) is not.
    """
    try:
        made, content = manifest.read(ground.live)
    except VerificationError:
        return None
    return made, digest_of(content)


def _head(known: Known | None) -> Head | None:
    try:
        found = Head(*json.loads(known.key)) if known is not None else None
    except (ValueError, TypeError):
        return None
    return found if found is not None and len(found.content) == 64 else None
