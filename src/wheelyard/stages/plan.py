"""What one folder of the wheelhouse is made from, with the configuration that says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wheelyard.config.model import Config
from wheelyard.domain.build import Recipe
from wheelyard.domain.folder import LockedFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(LockedFolder):
    """A target's baseline, or one variant of it."""

    config: Config
    """A variant's is derived from the baseline's."""
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """How a variant's packages are built, by normalised name; the configuration says it of a baseline's."""
