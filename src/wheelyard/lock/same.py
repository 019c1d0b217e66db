"""One version for all targets: what must be lower on some, so that every target can have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.version import Version

from wheelyard.config.model import Config
from wheelyard.domain.lock import Lock
from wheelyard.domain.requirement import Requirement

ORIGIN = "same-versions"
"""What messages and locks call these constraints."""


def bounds(config: Config, locks: Iterable[Lock]) -> Iterator[Requirement]:
    """Yield a constraint for each name of ``same-versions`` that the locks have in different versions: the lowest.

    Locked again within these, each target has that version or a lower one: they meet at what all can have.
    """
    versions: dict[str, set[str]] = {}
    for lock in locks:
        for package in lock.packages:
            if config.same_versions is True or (config.same_versions and package.name in config.same_versions):
                versions.setdefault(package.name, set()).add(package.version)
    for name, there in sorted(versions.items()):
        if len(there) > 1:
            lowest = min(map(Version, there)).public
            yield Requirement(text=f"{name}<={lowest}", origin=ORIGIN, line=0)
