"""The members of a bundle, read and written as an attacker would."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

Member = tuple[tarfile.TarInfo, bytes]


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
