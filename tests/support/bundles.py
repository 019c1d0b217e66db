"""Bundles of wheelhouses that nobody else reads; and their members, read and written as an attacker would."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.pack import Packed, follow, written
from wheelyard.bundle.sign import sign

Member = tuple[tarfile.TarInfo, bytes]


def pack(
    root: Path,
    output: Path,
    *,
    keys: Sequence[Path] = (),
    since: Path | None = None,
    targets: Sequence[str] = (),
    volume_size: int | None = None,
) -> Packed:
    """Pack a wheelhouse that has a manifest, and sign that with ``keys``; without keys its signature is carried along.

    What ``wheelyard pack`` does, without its generations and locks.
    """
    follow(root, keys=keys, since=since, targets=targets)
    if keys and not targets:
        sign(root, keys)
    with written(root, output, keys=keys, since=since, targets=targets, volume_size=volume_size) as packed:
        pass
    manifests.release(root)
    return packed


def members(path: Path) -> list[Member]:
    with tarfile.open(path) as archive:
        found = []
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            found.append((info, stream.read() if stream else b""))
        return found


def write(path: Path, found: list[Member]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in found:
            archive.addfile(info, io.BytesIO(content))
    return path
