"""The pips that hosts have, by version: wheels from the index, pinned by the hash that was seen first."""

from __future__ import annotations

import json
import threading

from wheelyard.domain.errors import NoCandidateError
from wheelyard.io import files
from wheelyard.lock.indexes import Indexes
from wheelyard.store.blobs import Store


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
        place = self._store.area("pips") / f"{version}.json"
        with self._turn:
            try:
                filename, sha256 = json.loads(place.read_bytes())
                if self._store.has(sha256):
                    return filename, sha256
            except (FileNotFoundError, ValueError):
                pass
            filename, sha256 = self._fetch(version)
            files.write(place, json.dumps([filename, sha256]))
            return filename, sha256

    def _fetch(self, version: str) -> tuple[str, str]:
        for file in self._indexes.project("pip").files:
            if file.is_wheel and file.filename.split("-")[1] == version and file.sha256:
                self._indexes.fetch([file])
                return file.filename, file.sha256
        raise NoCandidateError(
            f"the index has no wheel of pip {version}", hint="is `pip = …` of the target a version that exists?"
        )
