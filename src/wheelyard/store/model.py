"""The content-addressed cache: every byte once, under its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheelyard.doors import files
from wheelyard.errors import HashMismatchError


def default_root() -> Path:
    """Return ``$WHEELYARD_CACHE``, else ``$XDG_CACHE_HOME/wheelyard``, else ``~/.cache/wheelyard``."""
    if given := os.environ.get("WHEELYARD_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wheelyard"


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of blobs, shared by all wheelhouses of a machine; many processes may use it at once."""

    root: Path

    def path(self, sha256: str) -> Path:
        """Return where the blob of this digest is, or would be."""
        return self.root / "sha256" / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the blob is here. It was hashed when it came in; ``wheelyard check`` hashes it again."""
        return self.path(sha256).is_file()

    def area(self, name: str) -> Path:
        """Return a folder of the cache for what is not a blob (``pages``, ``metadata``, ``builds``, ``logs``)."""
        return self.root / name

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on the store's own file system, removed at the end."""
        base = self.root / "tmp"
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=base) as name:
            yield Path(name)

    def add_bytes(self, content: bytes) -> str:
        """Put bytes into the store and return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            files.write(self.path(digest), content, mode=0o444)
        return digest

    def add_file(self, source: Path, *, sha256: str | None = None) -> str:
        """Copy a file into the store and return its SHA-256.

        :raises HashMismatchError: if ``sha256`` is given and is not the file's.
        """
        digest = files.sha256(source)
        if sha256 is not None and digest != sha256:
            raise HashMismatchError(f"expected sha256 {sha256}, found {digest}", where=source.name)
        if not self.has(digest):
            files.copy(source, self.path(digest), mode=0o444)
        return digest
