"""What is to be mirrored, and what a run of it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from packaging.requirements import Requirement

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.target import Target
from wheelyard.policy.model import AdmissionPolicy

Removed: TypeAlias = Literal["keep", "mark", "drop"]
"""What becomes of a file that upstream has no more: kept, marked as yanked, or dropped."""
Sdists: TypeAlias = Literal["never", "missing", "all"]
"""``missing``: only for versions that have no fitting wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which files of which projects."""

    projects: tuple[Requirement, ...]
    targets: tuple[Target, ...] = ()
    """Only wheels that one of these accepts; none: every wheel."""
    newest: int = 0
    """So many versions of each project for each target; 0: all that the specifier allows."""
    prereleases: bool = False
    sdists: Sdists = "never"
    dependencies: bool = False
    """Also what the chosen wheels require, and what that requires, and so on."""
    removed: Removed = "keep"
    policy: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    """What a file must be to be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What changed. All are file names."""

    added: tuple[str, ...]
    marked: tuple[str, ...]
    """Yanked upstream, or vanished there and marked, since the last run."""
    unmarked: tuple[str, ...]
    dropped: tuple[str, ...]
    vanished: tuple[str, ...]
    """Gone upstream; what became of them is the wish's policy."""
    unchanged: int
    projects: int
    bytes: int
    """Bytes of the files that were added."""
    failures: tuple[WheelyardError, ...]
    """What could not be had. All the rest is published."""
