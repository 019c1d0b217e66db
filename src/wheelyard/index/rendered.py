"""A site as its files: what lies where, made from what; how it is put in place is a publisher's matter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from wheelyard.domain.errors import StorageError
from wheelyard.domain.site import Site, Wheel
from wheelyard.index.layout import FILES
from wheelyard.index.pages import Page
from wheelyard.store.blobs import Store, damaged


class Blob(NamedTuple):
    """A file whose bytes are in the store under its key: a distribution, or an attachment."""

    key: str
    """SHA-256."""


class Link(NamedTuple):
    """One more name for a file of the pool: the same bytes."""

    key: str
    pooled: str
    """The path of that file."""


Item: TypeAlias = Page | Blob | Link
"""What lies at a path. Its ``key`` says what it was made from: as long as the key is the same, so are the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSite:
    """Every file of a site by its path, in an order in which what is linked to comes before what links to it."""

    site: Site
    pool: Mapping[str, Wheel]
    """The distributions, by file name."""
    files: Mapping[str, Item]

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes, where it is known without making the file."""
        top, _, name = path.partition("/")
        return self.pool[name].size if top == FILES and name in self.pool else None

    def read(self, store: Store) -> Iterator[tuple[str, bytes]]:
        """Yield path and bytes of every file, for a publisher that keeps none from one time to the next.

        :raises StorageError: if the store does not have a blob.
        :raises HashMismatchError: if it is damaged there.
        """
        for path, item in self.files.items():
            original = self.files[item.pooled] if isinstance(item, Link) else item
            yield path, page_bytes(original) if isinstance(original, Page) else blob_bytes(store, original.key, path)


def page_bytes(page: Page) -> bytes:
    """Make a page and return its bytes."""
    made = page.make()
    return made.encode() if isinstance(made, str) else made


def blob_bytes(store: Store, sha256: str, path: str) -> bytes:
    """Return the bytes of a blob, hashed once more.

    :raises StorageError: if the store does not have it.
    :raises HashMismatchError: if it is damaged there.
    """
    try:
        content = store.path(sha256).read_bytes()
    except FileNotFoundError:
        raise not_in_store(path) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise damaged(store.path(sha256), where=path.rpartition("/")[2])
    return content


def not_in_store(path: str) -> StorageError:
    """Return the error for a blob that somebody took out of the store."""
    name = path.rpartition("/")[2]
    hint = "run the same command again: it is fetched anew"
    return StorageError("is not in the store any more", where=name, hint=hint)
