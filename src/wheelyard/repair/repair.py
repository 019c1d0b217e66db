"""Repair, by the kind of the target."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target
from wheelyard.repair import auditwheel, delocate


def repair(
    wheel: Path,
    into: Path,
    target: Target,
    *,
    log: Path,
    libraries: Sequence[Path] = (),
    provided: Sequence[str] = (),
    check_instructions: bool = True,
) -> Repaired:
    """Repair a wheel for any target; see :class:`wheelyard.repair.model.Repairer`.

    A pure wheel, and a wheel for plain ``linux_*`` (this very machine), is copied as it is.

    :raises RepairError: if the wheel cannot run on the target.
    """
    platforms = wheel.stem.rpartition("-")[2].split(".")
    if platforms == ["any"] or target.platform.startswith("linux_"):
        into.mkdir(parents=True, exist_ok=True)
        return Repaired(path=Path(shutil.copy2(wheel, into)), policy=platforms[0])
    if target.platform.startswith(("manylinux", "musllinux")):
        return auditwheel.repair(
            wheel,
            into,
            target,
            log=log,
            libraries=libraries,
            provided=provided,
            check_instructions=check_instructions,
        )
    if target.platform.startswith("macosx"):
        return delocate.repair(wheel, into, target, log=log, libraries=libraries)
    raise RepairError(f"nobody here repairs wheels for {target.platform}", where=wheel.name)
