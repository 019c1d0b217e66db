"""A variant's wheel says what it is, and carries the licences of what is in it."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.build.steps.model import Finishing
from wheelyard.variants.finish import additions


def annotate(wheel: Finishing) -> Finishing:
    """Add the record of the choice, and licence texts."""
    if not wheel.unit.recipe.variant:
        return wheel
    return replace(wheel, extra=additions(wheel.unit, wheel.place, wheel.store, wheel.repaired))
