"""Every file of the locks, brought into the store."""

from __future__ import annotations

from collections.abc import Sequence

from wheelyard.config.model import Config
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage, with_build_requirements
from wheelyard.lock.indexes import Indexes
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.upstream.fetch import fetch


def fetch_all(
    plans: Sequence[Plan], indexes: Indexes, withheld: Withheld, *, store: Store, config: Config, report: Reporter
) -> tuple[LockedFile, ...]:
    """Bring every file of the locks into the store and return those that were not there and now are."""
    files_of = {
        plan.name: {
            file.sha256: file
            for requirement in with_build_requirements((*plan.lock.packages, *_pip(plan.lock)))
            for file in requirement.files
        }
        for plan in plans
    }
    wanted = {digest: file for files in files_of.values() for digest, file in files.items()}
    missing = tuple(file for digest, file in wanted.items() if not store.has(digest))

    def failed(digest: str, error: WheelyardError) -> None:
        for folder, files in files_of.items():
            if digest in files:
                withheld.add(folder, error)

    if missing:
        fetch(missing, store=store, client=indexes.client, root=config.root, report=report, failed=failed)
    return tuple(file for file in missing if store.has(file.sha256))


def _pip(lock: Lock) -> tuple[LockedPackage, ...]:
    return () if lock.pip is None else (lock.pip,)
