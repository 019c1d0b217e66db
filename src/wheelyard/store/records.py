"""Small JSON records by key, each put in place atomically: what a build gave, what a page said."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheelyard.io import files
from wheelyard.store.blobs import Store

_ALLOWED = frozenset(string.ascii_letters + string.digits + "._-")


@dataclass(frozen=True, slots=True)
class Records:
    """Records in one area of the store; many processes may read and write them at once, the last one wins."""

    store: Store
    area: str = "builds"

    def path(self, key: str) -> Path:
        """Return where the record of a key is, or would be.

        :raises ValueError: if the key could leave the area.
        """
        if not key or not set(key) <= _ALLOWED or key[0] == ".":
            raise ValueError(f"not a key: {key!r}")
        return self.store.area(self.area) / key[:2] / f"{key}.json"

    def read(self, key: str) -> dict[str, Any] | None:
        """Return a record; None where there is none, or where it is damaged, which is as good as none."""
        path = self.path(key)
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, key: str, value: dict[str, Any]) -> None:
        """Put a record in place.

        :raises StorageError: if it cannot be written.
        """
        files.write(self.path(key), json.dumps(value, sort_keys=True, separators=(",", ":")))

    def remove(self, key: str) -> None:
        """Forget a record, if there is one."""
        self.path(key).unlink(missing_ok=True)
