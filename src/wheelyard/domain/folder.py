"""One folder of the wheelhouse as it grows from stage to stage: locked, then filled; then it is part of the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wheelyard.domain.facts import WheelSummary
from wheelyard.domain.lock import Lock
from wheelyard.domain.site import Entry, Wheel
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFolder:
    """What one folder is made from."""

    name: str
    """``<target>`` or ``<target>.<variant>``."""
    target: Target
    lock: Lock
    variant: Variant | None = None
    """None: the target's baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledFolder(LockedFolder):
    """What one folder holds. Its lock is of exactly that: the final wheels, where the first lock names sdists."""

    entries: tuple[Entry, ...]
    facts: Mapping[str, WheelSummary]
    """By normalised name of the project."""
    pip: Wheel | None = None
    """The carried pip."""
