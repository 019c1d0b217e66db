"""What lies in the wheelhouse now, and which of it can stay."""

from __future__ import annotations

from pathlib import Path

from wheelyard.host.manifest import MANIFEST
from wheelyard.index import publish_record
from wheelyard.index.layout import FILES, OURS, TARGETS, is_distribution
from wheelyard.index.publish_record import Known, Stamp
from wheelyard.io import files

DROPPED = "dropped "
"""Begins the key of a file that no page lists any more; when it was dropped follows."""


class Ground:
    """The files that are there, beside the record of the last publication; ``kept`` are those found to be right."""

    def __init__(self, into: Path) -> None:
        self.into = into
        self.record = publish_record.load(into)
        self.disk: dict[str, Stamp] = publish_record.scan(into)
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

    def keep_if_same(self, path: str, key: str, sha256: str, size: int) -> Known | None:
        """Keep a file if it has these bytes: touched, copied or imported, but right. It is read only if it must be."""
        known = self.keep(path, key)
        stamp = self.disk.get(path)
        if known is not None or stamp is None or stamp.size != size:
            return known
        if files.sha256(self.into / path) != sha256:
            return None
        self.kept[path] = known = publish_record.known(stamp, sha256, key)
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

    def below(self, prefix: str) -> list[str]:
        """Return the files on disk whose path starts with ``prefix``."""
        return [path for path in self.disk if path.startswith(prefix)]

    def leftover(self, path: str, wanted: set[str]) -> bool:
        """Whether a file is ours to remove, as the site has it no more."""
        if path in wanted:
            return False
        top, _, rest = path.partition("/")
        if top == FILES:
            return path in self.record or is_distribution(rest.removesuffix(".metadata"))
        ours = path in self.record and path != MANIFEST and self.record[path].key != publish_record.OTHER
        return ours or top in OURS

    def spare(self, gone: list[str], grace: float, now: float) -> list[str]:
        """Return what is to be removed at once: a file of the pool stays so many seconds after its page dropped it."""
        at_once = []
        for path in gone:
            known = self.record.get(path)
            if known is None or not path.startswith(f"{FILES}/") or self.disk[path] != known[:3]:
                at_once.append(path)
                continue
            since = float(known.key.removeprefix(DROPPED)) if known.key.startswith(DROPPED) else now
            if now - since < grace:
                self.kept[path] = known._replace(key=f"{DROPPED}{since:.0f}")
            else:
                at_once.append(path)
        return at_once
