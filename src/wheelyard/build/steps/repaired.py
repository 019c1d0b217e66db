"""Foreign libraries are grafted in, and it gets the tag that it earned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wheelyard.build.libraries import collect
from wheelyard.build.steps.model import Finishing
from wheelyard.repair.repair import repair as repair_wheel
from wheelyard.sandbox.local import LOCAL
from wheelyard.toolchain.zig.toolchain import CrossSandbox
from wheelyard.variants.share import provided


def repair(wheel: Finishing) -> Finishing:
    """Repair it with the libraries of the place that it was built in."""
    unit, place = wheel.unit, wheel.place
    crossed = isinstance(place.sandbox, CrossSandbox)
    libraries = () if crossed or place.sandbox.name in LOCAL else collect(place, wheel.path)
    if unit.target.libraries is not None:
        libraries = (Path(unit.target.libraries) / "lib", *libraries)
    repaired = repair_wheel(
        wheel.path,
        place.aside / "repaired",
        unit.target,
        log=place.log,
        libraries=libraries,
        provided=provided(unit.recipe),
        check_instructions=not unit.recipe.variant,
    )
    return replace(wheel, path=repaired.path, policy=repaired.policy, grafted=repaired.grafted)
