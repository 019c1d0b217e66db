"""Which blob of the store is a package of another registry: their checksums are not all SHA-256 of an archive."""

from __future__ import annotations

import hashlib

from wheelyard.domain.prefetched import Prefetched
from wheelyard.store import memo
from wheelyard.store.blobs import Store

_AREA, _EDITION = "prefetched", "1"


def kept(store: Store, package: Prefetched) -> str | None:
    """Return the SHA-256 of a package's blob, None where it is not in the store."""
    kind, _, digest = package.checksum.partition(":")
    sha256: str | None = digest
    if kind != "sha256" or not store.has(digest):
        sha256 = memo.recall(store, _AREA, _EDITION, _key(package), load=str)
    return sha256 if sha256 is not None and store.has(sha256) else None


def keep(store: Store, package: Prefetched, sha256: str) -> None:
    """Remember which blob is a package; whoever says so has checked it."""
    if package.checksum != f"sha256:{sha256}":
        memo.keep(store, _AREA, _EDITION, _key(package), sha256)


def _key(package: Prefetched) -> str:
    words = (package.registry, package.name, package.version, package.source, package.checksum)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
