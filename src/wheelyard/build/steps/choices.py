"""Does it run on every host that it is for, and is it what was chosen?"""

from __future__ import annotations

from wheelyard.build.steps.model import Finishing
from wheelyard.variants.finish import check


def check_choices(wheel: Finishing) -> Finishing:
    """Hold it against what was chosen on every axis; what is of no variant is for every host of its target."""
    check(wheel.unit, wheel.path, wheel.place.aside / "checked")
    return wheel
