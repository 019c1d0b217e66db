"""A variant's BLAS may come from a wheel of its own."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.build.steps.model import Finishing
from wheelyard.variants.share import share as share_blas


def share(wheel: Finishing) -> Finishing:
    """Let a variant's wheel load its BLAS from the wheel that has it, where that was asked for."""
    if not wheel.unit.recipe.variant:
        return wheel
    repaired = share_blas(wheel.unit, wheel.repaired, wheel.place)
    return replace(wheel, path=repaired.path, policy=repaired.policy, grafted=repaired.grafted)
