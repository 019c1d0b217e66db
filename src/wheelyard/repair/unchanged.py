"""What needs no repair: a wheel for plain ``linux_*`` runs on this very machine only."""

from __future__ import annotations

import shutil
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.repaired import Repaired, RepairRequest


def identity() -> str:
    """Return that no tool does anything."""
    return "none"


def repair(request: RepairRequest) -> Repaired:
    """Copy a wheel as it is; see :class:`wheelyard.repair.protocol.Repairer`."""
    request.into.mkdir(parents=True, exist_ok=True)
    path = Path(shutil.copy2(request.wheel, request.into))
    return Repaired(path=path, policy=wheel_name.parse(path.name).platform.partition(".")[0])
