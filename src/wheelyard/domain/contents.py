"""What one folder of the wheelhouse will hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wheelyard.domain.facts import WheelSummary
from wheelyard.domain.lock import Lock
from wheelyard.domain.site import Entry, Wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one folder holds, and the lock of exactly that: the final wheels, where the first lock names sdists."""

    lock: Lock
    entries: tuple[Entry, ...]
    facts: Mapping[str, WheelSummary]
    """By normalised name of the project."""
    pip: Wheel | None = None
    """The carried pip."""
