"""The last look at what will be stored."""

from __future__ import annotations

from pathlib import Path

from packaging.tags import parse_tag

from wheelyard.build.steps.model import Finishing
from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import BuildError
from wheelyard.targets import tags
from wheelyard.toolchain.protocol import Toolchain
from wheelyard.wheels.read import read


def accept(wheel: Finishing) -> Finishing:
    """Refuse it if it is damaged, would not load on the target, or has no tag that the target takes."""
    accept_wheel(wheel.unit, wheel.path, wheel.toolchain, log=wheel.place.log)
    return wheel


def accept_wheel(unit: BuildUnit, path: Path, toolchain: Toolchain, *, log: Path | None = None) -> None:
    """Refuse a finished wheel that is damaged, would not load on the target, or has no tag that it takes."""
    facts = read(path, strict=True)
    if not facts.is_pure:
        toolchain.check(path, unit.target)
    accepted = set(tags.tags(unit.target))
    if not any(parse_tag(tag) & accepted for tag in facts.tags):
        raise BuildError(
            f"the wheel {facts.filename} does not fit {unit.target.name}",
            where=f"{unit.package.name} {unit.package.version}",
            hint="the backend built for another Python or platform",
            log=log,
        )
