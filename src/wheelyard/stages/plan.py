"""What one folder of the wheelhouse is made from, with the configuration that says how."""

from __future__ import annotations

from dataclasses import dataclass

from wheelyard.config.model import Config
from wheelyard.domain.folder import LockedFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(LockedFolder):
    """A target's baseline, or one variant of it."""

    config: Config
    """A variant's is derived from the baseline's."""
