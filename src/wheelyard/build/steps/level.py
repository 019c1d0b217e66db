"""Does its code run on every host that it is for?"""

from __future__ import annotations

from wheelyard.build.steps.model import Finishing
from wheelyard.variants.finish import check, check_baseline


def check_level(wheel: Finishing) -> Finishing:
    """Hold its instructions, and a variant's BLAS, against what was asked for."""
    judge = check if wheel.unit.recipe.variant else check_baseline
    judge(wheel.unit, wheel.path, wheel.place.aside / "checked")
    return wheel
