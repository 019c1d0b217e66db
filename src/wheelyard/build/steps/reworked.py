"""What was chosen may change the repaired wheel: its BLAS may come from a wheel of its own."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.build.steps.model import Finishing
from wheelyard.variants import finish


def rework(wheel: Finishing) -> Finishing:
    """Let every axis of a variant change its wheel."""
    if not wheel.unit.recipe.variant:
        return wheel
    repaired = finish.rework(wheel.unit, wheel.repaired, wheel.place)
    return replace(wheel, path=repaired.path, policy=repaired.policy, grafted=repaired.grafted)
