"""What lies in a published folder now, and which of it can stay."""

from __future__ import annotations

from pathlib import Path

from wheelyard.host.manifest import MANIFEST
from wheelyard.index.layout import FILES, OURS, TARGETS, is_distribution
from wheelyard.index.publishers import record
from wheelyard.index.publishers.record import Known, Stamp
from wheelyard.io import files

DROPPED = "dropped "
"""Begins the key of a file that no page lists any more; when it was dropped follows."""


class Ground:
    """The files that are there, beside the record of the last publication; ``kept`` are those found to be right."""

    def __init__(self, live: Path, state: Path) -> None:
        self.live = live
        self.record = record.load(state, live)
        self.found = record.scan(live)
        self.disk: dict[str, Stamp] = self.found.files
        self.kept: dict[str, Known] = {}
        self._twins: dict[str, str] | None = None

    def intact(self, path: str, key: str) -> Known | None:
        """Return the record of a file that was made from ``key`` and that nobody touched since; it needs no reading."""
        known = self.record.get(path)
        if known is None or known[4] != key or self.disk.get(path) != known[:3]:
            return None
        return known

    def keep(self, path: str, key: str) -> Known | None:
        """Keep a file if it is intact."""
        known = self.intact(path, key)
        if known is not None:
            self.kept[path] = known
        return known

    def keep_if_same(self, path: str, key: str, sha256: str, size: int | None) -> Known | None:
        """Keep a file if it has these bytes: touched, copied or imported, but right. It is read only if it must be.

        :param size: None: it is not known.
        """
        known = self.keep(path, key)
        stamp = self.disk.get(path)
        if known is not None or stamp is None or stamp.size < 0 or (size is not None and stamp.size != size):
            return known
        if files.sha256(self.live / path) != sha256:
            return None
        self.kept[path] = known = record.known(stamp, sha256, key)
        return known

    def keep_if_linked(self, path: str, key: str, pooled: str) -> Known | None:
        """Keep a file if it is one more name of a kept file of the pool."""
        known = self.keep(path, key)
        other = self.kept.get(pooled)
        if known is None and other is not None and self.disk.get(path) == other[:3]:
            self.kept[path] = known = other._replace(key=key)
        return known

    def twin(self, key: str) -> str | None:
        """Return an intact file in a target's folder that was made from ``key``: it can give the pool its name back."""
        if self._twins is None:
            inside = (path for path in self.record if path.startswith(f"{TARGETS}/"))
            self._twins = {self.record[path].key: path for path in inside if self.intact(path, self.record[path].key)}
        return self._twins.get(key)

    def leftover(self, path: str) -> bool:
        """Whether a file that the site does not have is ours to remove."""
        top, _, rest = path.partition("/")
        if top == FILES:
            return path in self.record or is_distribution(rest.removesuffix(".metadata"))
        ours = path in self.record and path != MANIFEST and self.record[path].key != record.OTHER
        return ours or top in OURS

    def may_be_read(self, leaving: list[str], folders: frozenset[str]) -> list[str]:
        """Return what a reader may have read of, and open later: distributions.

        :param folders: names of the targets' folders that the site has.
        """
        return [path for path in leaving if _lingers(path, folders)]

    def _is_as_put(self, path: str) -> bool:
        """Whether a file has the bytes that its record says; it is read where it was touched, or copied with others."""
        known, stamp = self.record.get(path), self.disk[path]
        if known is None or stamp == known[:3]:
            return known is not None
        return stamp.size == known.size and files.sha256(self.live / path) == known.sha256

    def spare(self, leaving: list[str], grace: float, now: float) -> None:
        """Keep distributions for so many seconds after the last page dropped them; damaged and unknown ones are not."""
        for path in filter(self._is_as_put, leaving if grace else ()):
            known = self.record[path]
            since = float(known.key.removeprefix(DROPPED)) if known.key.startswith(DROPPED) else now
            if abs(now - since) < grace:  # a clock that was set back lets nothing stay
                self.kept[path] = record.known(self.disk[path], known.sha256, f"{DROPPED}{int(since)}")

    def dropped(self, path: str) -> bool:
        """Whether a file has left all pages before, and was only spared."""
        return path in self.record and self.record[path].key.startswith(DROPPED)


def _lingers(path: str, folders: frozenset[str]) -> bool:
    """Whether a reader may have read of a file, and open it later: those of the pool, and of a target's folder."""
    parts = path.split("/")
    in_folder = len(parts) == 3 and parts[0] == TARGETS and parts[1] in folders
    return (parts[0] == FILES or in_folder) and is_distribution(parts[-1].removesuffix(".metadata"))
