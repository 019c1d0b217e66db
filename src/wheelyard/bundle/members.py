"""What goes into which volume of a bundle: worked out from names and sizes alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.bundle.splices import Splice
from wheelyard.domain.errors import ConfigError
from wheelyard.host.manifest import FileEntry, Manifest
from wheelyard.host.splicing import SPLICES
from wheelyard.host.volumes import PIECES

BLOCK = 512
MOST_VOLUMES = 999
_TIME = 315532800  # 1980: of every member, so that nothing depends on when it was packed
_FIRST = ("install.py", "import.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One member of a volume: a file, a hard link to a member before it, or a piece of a file."""

    name: str
    entry: FileEntry
    offset: int = 0
    size: int = 0
    link: str | None = None
    payload: Path | None = None
    """A splice to carry in place of the file."""

    def head(self, top: str) -> bytes:
        """Return the member's header blocks."""
        link = f"{top}/{self.link}" if self.link is not None else None
        return header(f"{top}/{self.name}", self.size, link)

    def room(self, top: str) -> int:
        """Return how many bytes the member takes in the archive."""
        return len(self.head(top)) + -(-self.size // BLOCK) * BLOCK


def header(name: str, size: int, link: str | None = None) -> bytes:
    """Return the tar header of a member (ustar, with a pax header only where a name is too long for it)."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    info.mtime = _TIME
    info.type = tarfile.LNKTYPE if link is not None else tarfile.REGTYPE
    info.linkname = link or ""
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def items_of(
    manifest: Manifest, base: Manifest | None, splices: Mapping[str, Splice] | None = None, room: int | None = None
) -> list[Item]:
    """Return the members that a bundle needs: each content once, and nothing that the other side has.

    :param splices: sha256 → what may be carried in place of a file, if it fits a volume (``room``).
    """
    top = f"{manifest.channel}-{manifest.sequence}"
    known = {entry.sha256 for entry in base.files} if base else set()
    first: dict[str, str] = {}
    items: list[Item] = []
    order = sorted(manifest.files, key=lambda entry: (entry.path not in _FIRST, entry.path))
    for entry in order:
        if entry.sha256 in known:
            continue
        if entry.sha256 in first:
            items.append(Item(name=entry.path, entry=entry, link=first[entry.sha256]))
            continue
        first[entry.sha256] = entry.path
        item = Item(name=entry.path, entry=entry, size=entry.size)
        if splice := (splices or {}).get(entry.sha256):
            name = f"{SPLICES}/{entry.sha256}"
            short = Item(name=name, entry=entry, size=splice.size, payload=splice.payload)
            item = short if room is None or short.room(top) <= room else item
        items.append(item)
    return items


def divide(items: Iterable[Item], top: str, room: int | None) -> list[list[Item]]:
    """Share members out to volumes with ``room`` bytes for members each (None: one volume without a limit).

    A file goes whole into the next volume if it fits there, else it is cut into pieces.

    :raises ConfigError: if the volumes are too small to be useful.
    """
    if room is None:
        return [list(items)]
    volumes: list[list[Item]] = [[]]
    left = room
    for item in items:
        for part in [item] if item.room(top) <= room else _pieces(item, room):
            needed = part.room(top)
            if needed > left:
                volumes.append([])
                left = room
            volumes[-1].append(part)
            left -= needed
    if len(volumes) > MOST_VOLUMES:
        raise ConfigError(f"{len(volumes)} volumes would be needed", hint="choose a larger volume size")
    return volumes


def _pieces(item: Item, room: int) -> Iterator[Item]:
    size = (room - 4 * BLOCK) // BLOCK * BLOCK
    for number, offset in enumerate(range(0, item.size, size), 1):
        name = f"{PIECES}/{item.entry.sha256}.{number:03d}"
        yield Item(name=name, entry=item.entry, offset=offset, size=min(size, item.size - offset))
