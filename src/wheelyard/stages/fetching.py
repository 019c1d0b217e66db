"""Every file of the locks, brought into the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelyard import prefetch
from wheelyard.build.unit import recipes_of
from wheelyard.config.model import Config
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter
from wheelyard.domain.lock import Lock, LockedFile, with_build_requirements
from wheelyard.domain.prefetched import Prefetched
from wheelyard.lock.indexes import Indexes
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.upstream.fetch import fetch


def fetch_all(
    plans: Sequence[Plan], indexes: Indexes, withheld: Withheld, *, store: Store, config: Config, report: Reporter
) -> tuple[LockedFile, ...]:
    """Bring every file of the locks into the store and return those that were not there and now are."""
    files_by_folder = {plan.name: files_of(plan.lock) for plan in plans}
    wanted = {digest: file for files in files_by_folder.values() for digest, file in files.items()}
    missing = tuple(file for digest, file in wanted.items() if not store.has(digest))

    def failed(digest: str, error: WheelyardError) -> None:
        for folder, files in files_by_folder.items():
            if digest in files:
                withheld.add(folder, error)

    if missing:
        fetch(missing, store=store, client=indexes.client, root=config.root, report=report, failed=failed)
    for plan in plans:
        with withheld.unless(plan.name):
            bring_from_elsewhere(plan.lock, plan.config, store=store, root=config.root)
    return tuple(file for file in missing if store.has(file.sha256))


def files_of(lock: Lock) -> dict[str, LockedFile]:
    """Return all files that a lock needs, to be carried or to build with, by their SHA-256."""
    carried = () if lock.pip is None else (lock.pip,)
    packages = with_build_requirements((*lock.packages, *carried))
    return {file.sha256: file for package in packages for file in package.files}


def bring_from_elsewhere(lock: Lock, config: Config, *, store: Store, root: Path) -> frozenset[Prefetched]:
    """Bring in what the builds of one folder take from other registries, and return it.

    :param root: the folder of ``wheelyard.toml``.
    """
    own, tools = (recipes_of(config, to_build=to_build) for to_build in (False, True))
    brought: set[Prefetched] = set()
    for package in with_build_requirements(lock.packages):
        if package.how == "build" and store.has(package.file.sha256):
            recipe = (own if package in lock.packages else tools).get(package.name)
            brought.update(prefetch.bring(package, recipe.patches if recipe else (), store=store, root=root))
    return frozenset(brought)
