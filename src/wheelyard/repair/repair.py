"""Repair, by the family of the target's platform: the registry of those who can."""

from __future__ import annotations

import re

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import Repaired, RepairRequest
from wheelyard.repair import auditwheel, delocate, unchanged
from wheelyard.repair.protocol import Repairer

REPAIRERS: dict[str, Repairer] = {
    "manylinux": auditwheel,
    "musllinux": auditwheel,
    "macosx": delocate,
    "linux": unchanged,
}
"""By the family of platform tags: ``manylinux`` for ``manylinux_2_28_x86_64`` and ``manylinux2014_x86_64``."""


def repairer_for(platform: str) -> Repairer:
    """Return who repairs wheels for a platform tag.

    :raises RepairError: if nobody does.
    """
    family = re.match("[a-z]*", platform)
    repairer = REPAIRERS.get(family[0] if family else "")
    if repairer is None:
        raise RepairError(f"nobody here repairs wheels for {platform}")
    return repairer


def repair(request: RepairRequest) -> Repaired:
    """Repair a wheel for any target; see :class:`wheelyard.repair.protocol.Repairer`. A pure wheel is copied as it is.

    :raises RepairError: if the wheel cannot run on the target.
    """
    if wheel_name.parse(request.wheel.name).is_pure:
        return unchanged.repair(request)
    return repairer_for(request.target.platform).repair(request)
