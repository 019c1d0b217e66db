"""What needs no repair: a wheel for plain ``linux_*`` runs on this very machine only."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target


def identity() -> str:
    """Return that no tool does anything."""
    return "none"


def repair(
    wheel: Path,
    into: Path,
    target: Target,  # noqa: ARG001  (as every repairer is called)
    *,
    log: Path,  # noqa: ARG001
    libraries: Sequence[Path] = (),  # noqa: ARG001
    provided: Sequence[str] = (),  # noqa: ARG001
    check_instructions: bool = True,  # noqa: ARG001
) -> Repaired:
    """Copy a wheel as it is; see :class:`wheelyard.repair.protocol.Repairer`."""
    return copied(wheel, into)


def copied(wheel: Path, into: Path) -> Repaired:
    """Return a copy of a wheel that is right as it is, in the folder ``into``."""
    into.mkdir(parents=True, exist_ok=True)
    return Repaired(
        path=Path(shutil.copy2(wheel, into)), policy=wheel_name.parse(wheel.name).platform.partition(".")[0]
    )
