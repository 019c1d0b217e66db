"""Foreign libraries are grafted in, and it gets the tag that it earned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wheelyard.build.steps.model import Finishing
from wheelyard.domain.repaired import RepairRequest
from wheelyard.repair.repair import repair as repair_wheel
from wheelyard.sandbox.paths import SYSTEM_FOLDERS
from wheelyard.sandbox.workspace import Workspace
from wheelyard.variants.finish import provided


def repair(wheel: Finishing) -> Finishing:
    """Repair it with the target's own libraries, and those of the place that it was built in."""
    unit, place = wheel.unit, wheel.place
    libraries = wheel.toolchain.libraries(place, wheel.path)
    if unit.target.build.libraries is not None:
        libraries = (Path(unit.target.build.libraries) / "lib", *libraries)
    repaired = repair_wheel(
        RepairRequest(
            wheel=wheel.path,
            into=place.aside / "repaired",
            target=unit.target,
            log=place.log,
            libraries=tuple(libraries),
            seen=_seen(place, libraries),
            provided=tuple(provided(unit.recipe)),
            check_instructions=not unit.recipe.variant,
        )
    )
    return replace(wheel, path=repaired.path, policy=repaired.policy, grafted=repaired.grafted)


def _seen(place: Workspace, libraries: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders that a build could take libraries from; none where nothing was cut off."""
    if place.sandbox.isolation != "full":
        return ()
    system = () if libraries else tuple(map(Path, SYSTEM_FOLDERS))  # else it was not this machine's
    return (place.root, *place.interpreter, *place.readable, *libraries, *system)
