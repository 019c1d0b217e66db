"""Publishing: a site is checked, rendered, and handed to a publisher; to a folder, if nothing else is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from wheelyard.domain.events import Reporter, StageFinished, StageStarted, silent
from wheelyard.domain.site import Published, Site, Wheel
from wheelyard.index import knowledge, layout
from wheelyard.index.publishers.folder import FolderPublisher
from wheelyard.index.publishers.protocol import Order, Publisher
from wheelyard.index.render import render
from wheelyard.store.blobs import Store

T = TypeVar("T")


def publish(
    site: Site,
    *,
    store: Store,
    into: Path | Publisher,
    keys: Sequence[Path] = (),
    report: Reporter = silent,
    grace: float = 0,
) -> Published:
    """Publish exactly this site, in one step: readers see the one before or this one, with manifest and signature.

    Files in a folder that are not Wheelyard's own are left alone; of these only a README goes along.

    :param into: a folder, or another publisher.
    :param keys: SSH keys to sign with; none: what was signed before is not any more, once it changes.
    :param grace: seconds that a distribution stays readable after the last page that lists it was replaced, for readers
        who have that page still. Up to ``PATIENCE`` this waits, and it is gone in the end; after a longer grace it is
        removed by the first publication.
    :raises WheelError: if a file name has two contents.
    :raises HashMismatchError: if a wheel of the store is damaged.
    :raises StorageError: if the disk is full, another run holds the lock, a file is missing in the store, or the
        folder has content that Wheelyard did not make.
    :raises ToolError: if a key does not sign.
    """
    publisher = FolderPublisher(into) if isinstance(into, Path) else into
    pool = layout.pool(site)
    layout.check_places((*site.folders, *site.labelled), {**site.documents, **site.attachments})
    report(StageStarted(stage="index", jobs=len(pool)))
    shelf = knowledge.Shelf(store, publisher.published)
    known = knowledge.gather(pool, shelf, place=publisher.place)

    def as_known(read: Callable[[Wheel, str], T]) -> Callable[[Wheel], T]:
        return lambda wheel: read(wheel, known.metadata[wheel.filename])

    rendered = render(site, pool, known, read=as_known(shelf.told), readme=as_known(shelf.readme))
    published = publisher.put(rendered, store=store, order=Order(keys=keys, grace=grace), report=report)
    report(StageFinished(stage="index"))
    return published
