"""Locking a configuration: with its indexes, and with the build backends where only their code knows the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wheelyard.config.model import Config
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import Lock
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock as lock_targets
from wheelyard.policy import moments
from wheelyard.policy.judge import check_policy
from wheelyard.stages.backends import Sandboxes
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains


def lock(
    config: Config,
    *,
    store: Store | None = None,
    upgrade: bool = False,
    upgrade_packages: Iterable[str] = (),
    report: Reporter = silent,
) -> dict[str, Lock]:
    """Choose exact versions and files for every target, and write them beside the configuration.

    :param store: where fetched files and answers are kept; None: the user's own.
    :param upgrade: forget all earlier pins; ``upgrade_packages``: those of these projects.
    :returns: the locks by the names of their targets.
    :raises WheelyardError: if a target cannot be locked; no lock is written then.
    """
    check_policy(config.policy, moments.now())
    store = replace(store or Store(), report=report)
    with Indexes(config, store, report=report) as indexes:
        toolchains = Toolchains(config.build, store, report, fetch=indexes.fetch)
        return lock_targets(
            config,
            client=indexes,
            store=store,
            backends=Sandboxes(config, store, indexes, toolchains, report=report),
            report=report,
            upgrade=upgrade,
            upgrade_packages=upgrade_packages,
        )
