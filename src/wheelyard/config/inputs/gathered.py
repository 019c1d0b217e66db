"""What files that list requirements say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.index import IndexSource
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems


@dataclass(slots=True)
class Gathered:
    """What one or several files say together. Mutable: it grows while files are read."""

    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
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


def gathered(ask: Callable[[], Iterable[Requirement]], problems: Problems) -> Gathered:
    """Return requirements as what a file says; an error that is raised instead goes to ``problems``."""
    try:
        return Gathered(requirements=list(ask()))
    except WheelyardError as error:
        problems.found.append(error)
        return Gathered()
