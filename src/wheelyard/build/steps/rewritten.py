"""Its archive is written by us."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.build.steps.model import Finishing
from wheelyard.wheels.rewrite import Changes
from wheelyard.wheels.rewrite import rewrite as write


def rewrite(wheel: Finishing) -> Finishing:
    """Write it anew in any case: order and times of a zip archive are the backend's whim."""
    recipe, place = wheel.unit.recipe, wheel.place
    changes = Changes(local_version=recipe.local_version, build_number=recipe.build_number, extra=wheel.extra)
    return replace(wheel, path=write(wheel.path, place.aside / "finished", changes, epoch=place.epoch))
