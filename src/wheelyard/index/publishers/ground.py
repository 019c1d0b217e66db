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

    def spare(self, leaving: list[str], folders: frozenset[str], grace: float, now: float) -> list[str]:
        """Return what is to be removed at once: a distribution stays so many seconds after its page dropped it.

        :param folders: names of the targets' folders that the site has.
        """
        at_once = []
        for path in leaving:
            known = self.record.get(path)
            if known is None or not _lingers(path, folders) or self.disk[path] != known[:3]:
                at_once.append(path)
                continue
            since = float(known.key.removeprefix(DROPPED)) if known.key.startswith(DROPPED) else now
            if now - since < grace:
                self.kept[path] = known._replace(key=f"{DROPPED}{since:.0f}")
            else:
                at_once.append(path)
        return at_once


def _lingers(path: str, folders: frozenset[str]) -> bool:
    """Whether a reader may have read of a file, and open it later: those of the pool, and of a target's folder."""
    parts = path.split("/")
    in_folder = len(parts) == 3 and parts[0] == TARGETS and parts[1] in folders
    return (parts[0] == FILES or in_folder) and is_distribution(parts[-1].removesuffix(".metadata"))
