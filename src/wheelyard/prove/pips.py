"""The pips that hosts have, by version: wheels from the index, pinned by the hash that was seen first."""

from __future__ import annotations

import threading

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import NoCandidateError
from wheelyard.lock.indexes import Indexes
from wheelyard.store.blobs import Store
from wheelyard.store.memo import keep, memo

_AREA, _EDITION = "pips", "1"


class HostPips:
    """A ``prove.stage.HostPip``: asks the index once for each version, then the store."""

    def __init__(self, indexes: Indexes, store: Store) -> None:
        self._indexes = indexes
        self._store = store
        self._turn = threading.Lock()

    def __call__(self, version: str) -> tuple[str, str]:
        """Return file name and SHA-256 of pip's wheel of that version, which is then in the store.

        :raises NoCandidateError: if the index has no such pip.
        """
        with self._turn:
            return memo(self._store, _AREA, _EDITION, version, lambda: self._fetch(version), dump=list, load=self._load)

    def _load(self, known: list[str]) -> tuple[str, str]:
        filename, sha256 = known
        if not self._store.has(sha256):
            raise KeyError(sha256)
        return filename, sha256

    def _fetch(self, version: str) -> tuple[str, str]:
        for file in self._indexes.project("pip").files:
            if file.is_wheel and wheel_name.parse(file.filename).version == version and file.sha256:
                self._indexes.fetch([file])
                return file.filename, file.sha256
        raise NoCandidateError(
            f"the index has no wheel of pip {version}", hint="is `pip = …` of the target a version that exists?"
        )


def remember(store: Store, version: str, filename: str, sha256: str) -> None:
    """Remember pip's wheel of a version, which is in the store: no index is asked for it then."""
    keep(store, _AREA, _EDITION, version, [filename, sha256])
