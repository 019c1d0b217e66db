"""Finishing a wheel: what happens between the backend's wheel and the one that is stored, as a list of steps.

A step takes what there is of a wheel and returns it a little further on, or raises what is wrong with it. Each step
that needs a choice (a variant, a cross build) looks at the unit itself, so the list is the same for every wheel.
"""

from __future__ import annotations

from collections.abc import Sequence

from wheelyard.build.steps.accept import accept
from wheelyard.build.steps.annotate import annotate
from wheelyard.build.steps.choices import check_choices
from wheelyard.build.steps.judge import judge
from wheelyard.build.steps.model import Finishing, Step
from wheelyard.build.steps.repaired import repair
from wheelyard.build.steps.reworked import rework
from wheelyard.build.steps.rewritten import rewrite

__all__ = ["STEPS", "Finishing", "Step", "finish"]

STEPS: tuple[Step, ...] = (judge, repair, check_choices, rework, annotate, rewrite, accept)
"""In their order."""


def finish(wheel: Finishing, steps: Sequence[Step] = STEPS) -> Finishing:
    """Take a wheel through all steps.

    :raises BuildError: if it is another wheel than the one that was asked for.
    :raises RepairError: if it cannot run on the target.
    :raises WheelError: if it is damaged.
    :raises VariantError: if it is a variant's and not what the variant says.
    """
    for step in steps:
        wheel = step(wheel)
    return wheel
