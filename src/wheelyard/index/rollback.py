"""Going back: what was published before is published again, as a generation of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.errors import UsageError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.site import Published
from wheelyard.host.manifest import MANIFEST
from wheelyard.index import names, site_state
from wheelyard.index.publish import publish
from wheelyard.index.publishers.folder import FolderPublisher
from wheelyard.store.blobs import Store


def roll_back(
    into: Path, *, store: Store, keys: Sequence[Path] = (), report: Reporter = silent, grace: float = 0
) -> Published:
    """Publish what the folder held before the last publication, under the next sequence number.

    A host that has seen the newer sequence would refuse the older one; and names that were published keep their bytes.

    :param keys: SSH keys to sign with.
    :param grace: as for ``publish``.
    :raises UsageError: if no generation before is kept.
    :raises StorageError: as ``publish``.
    """
    publisher = FolderPublisher(into)
    if not (publisher.before / MANIFEST).is_file():
        raise UsageError(
            "no generation before this one is kept here",
            where=str(into),
            hint="one is kept from the second publication on; change the requirements, and build again",
        )
    earlier = names.retire(site_state.load(publisher.before), names.published(site_state.load(into)))
    return publish(earlier, store=store, into=publisher, keys=keys, report=report, grace=grace)
