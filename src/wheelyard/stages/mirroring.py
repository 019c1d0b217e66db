"""Mirroring whole projects of some indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.index import IndexSource, IndexStrategy
from wheelyard.mirror import stage
from wheelyard.mirror.model import Mirrored, Wish
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client


def mirror(
    wish: Wish,
    *,
    into: Path,
    indexes: Sequence[IndexSource] = (),
    bound: Mapping[str, str] | None = None,
    strategy: IndexStrategy = "one-index",
    store: Store | None = None,
    keys: Sequence[Path] = (),
    grace: float = 0,
    report: Reporter = silent,
) -> Mirrored:
    """Bring a wheelhouse to what a wish means. What is there is neither fetched nor hashed again.

    What cannot be had is told in ``failures``; everything else is published.

    :param indexes: in order; none: those of the user's pip.
    :param bound: by a project's normalised name, the one index that it may come from.
    :param strategy: what becomes of a project that several indexes have.
    :param store: where fetched files are kept; None: the user's own.
    :param keys: SSH keys to sign with.
    :param grace: seconds that a dropped file can still be fetched by whoever has an old page.
    :raises ConfigError: if pip's configuration cannot be understood.
    :raises StorageError: if the wheelhouse cannot be written, or was not made here.
    """
    store = replace(store or Store(), report=report)
    with Client(
        store,
        indexes,
        bound=bound or {},
        strategy=strategy,
        how_to_bind="--bind {name}={index}",
        report=report,
    ) as client:
        return stage.mirror(
            wish, client=client, store=store, into=into.absolute(), keys=keys, report=report, grace=grace
        )
