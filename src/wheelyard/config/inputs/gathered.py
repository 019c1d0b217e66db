"""What files that list requirements say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.foreign_lock import ForeignLock
from wheelyard.domain.index import IndexSource
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems


@dataclass(slots=True)
class Gathered:
    """What one or several files say together. Mutable: it grows while files are read."""

    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    locks: list[ForeignLock] = field(default_factory=list)
    """What other tools have locked."""
    index: IndexSource | None = None
    """The last ``--index-url``."""
    extra: list[IndexSource] = field(default_factory=list)
    """``--extra-index-url`` and ``--find-links``, in order."""
    no_index: bool = False
    trusted_hosts: set[str] = field(default_factory=set)
    only_binary: set[str] = field(default_factory=set)
    no_binary: set[str] = field(default_factory=set)
    prereleases: bool = False
    prefer_binary: bool = False
    require_hashes: bool = False
    config_settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """By normalised name."""
    credentials: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    queries: dict[str, str] = field(default_factory=dict, repr=False)
    """By the URL without it."""

    def add(self, other: Gathered) -> None:
        """Take in what another file says, its options aside: only requirements files have these."""
        self.requirements += other.requirements
        self.locks += other.locks
        names = {each.name for each in self.extra}
        self.extra += [each for each in other.extra if each.name not in names]
        self.credentials.update(other.credentials)
        self.queries.update(other.queries)


def gathered_from(fill: Callable[[Gathered], None], problems: Problems) -> Gathered:
    """Return what a file says; an error that is raised instead goes to ``problems``."""
    gathered = Gathered()
    try:
        fill(gathered)
    except WheelyardError as error:
        problems.found.append(error)
        return Gathered()
    return gathered
