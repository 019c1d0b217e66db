"""A lock that another tool made: what it holds for every environment, before a target chooses from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEdge:
    """One package that another one, or the project itself, depends on."""

    name: str
    """Normalised (PEP 503)."""
    extras: frozenset[str] = frozenset()
    """Normalised."""
    keys: frozenset[str] | None = None
    """Which of the lock's packages of this name are meant; None: whichever there is."""
    marker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPackage:
    """One package of a lock that another tool made."""

    name: str
    """Normalised (PEP 503)."""
    key: str
    """Different for each package of a lock."""
    where: str
    """The entry, as messages show it: ``uv.lock: numpy 2.0``."""
    version: str | None = None
    """None where a URL alone says which file it is."""
    hashes: tuple[str, ...] = ()
    """``sha256:…`` of its files; none where the lock has none."""
    direct: str | None = None
    """URL or path of the file that it is, as ``Requirement.direct``."""
    index: str | None = None
    """Name of the index that the lock takes it from; None: whichever index has it."""
    extras: frozenset[str] = frozenset()
    """That the lock asks for in every environment, normalised."""
    marker: str | None = None
    """Environments that it is for."""
    requires_python: str | None = None
    edges: tuple[ForeignEdge, ...] = ()
    optional: Mapping[str, tuple[ForeignEdge, ...]] = field(default_factory=dict)
    """What each extra (normalised) adds."""
    carried: bool = True
    """False for a part of the project itself, whose dependencies alone are wanted."""
    refused: str | None = None
    """Why it cannot be carried, in words; None: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLock:
    """What a lock file of another tool says, for all environments at once."""

    origin: str
    """The file, relative to the configuration's folder."""
    tool: str
    """What locks it again: ``uv lock``."""
    packages: tuple[ForeignPackage, ...]
    roots: tuple[ForeignEdge, ...] | None = None
    """What the project asks for, where the lock is a graph; None: each package's own marker decides."""
    environments: tuple[str, ...] = ()
    """Markers of which one must hold; none: the lock is for every environment."""
    requires_python: str | None = None
    extras: frozenset[str] = frozenset()
    """That are wanted, for markers that ask (``extra == "…"``, ``"…" in extras``)."""
    groups: frozenset[str] = frozenset()
    """That are wanted, for markers that ask (``"…" in dependency_groups``)."""
    overrides: tuple[str, ...] = ()
    """PEP 508 lines that stand in for whatever packages say of these names."""
