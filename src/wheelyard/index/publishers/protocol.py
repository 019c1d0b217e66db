"""What a publisher is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wheelyard.domain.events import Reporter
from wheelyard.domain.site import Published, Wheel
from wheelyard.index.rendered import RenderedSite
from wheelyard.store.blobs import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a site is to be published."""

    keys: Sequence[Path] = ()
    """SSH keys to sign the manifest with; none: what was signed before is not any more, once it changes."""
    grace: float = 0
    """Seconds that a distribution stays readable after the last page that lists it was replaced; see ``PATIENCE``."""


class Publisher(Protocol):
    """Puts every file of a site in place, so that readers see the old site or the new one."""

    @property
    def place(self) -> str:
        """Where it publishes to: the same text for the same place."""

    def published(self, wheel: Wheel) -> Path | None:
        """Return a file that an earlier publication of a wheel left, which may be damaged; None if there is none."""

    def put(self, rendered: RenderedSite, *, store: Store, order: Order, report: Reporter) -> Published:
        """Put a site in place, all of it or nothing, and say what that changed.

        :raises StorageError: if the place cannot be written, or the store lacks a blob.
        :raises HashMismatchError: if a blob is damaged.
        """
