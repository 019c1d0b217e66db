"""Repair for Linux by auditwheel: libraries grafted, the tag earned, both PEP 600 names and legacy ones."""

from __future__ import annotations

import functools
import shutil
from importlib.metadata import version

from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import Repaired, RepairRequest
from wheelyard.io import process as door
from wheelyard.io.temporary import temporary_folder
from wheelyard.repair import unchanged, worker
from wheelyard.wheels.rewrite import Changes, rewrite

_SHOWN = 10


@functools.cache
def identity() -> str:
    """Return the versions of auditwheel and patchelf."""
    program = shutil.which("patchelf", path=worker.SEARCH_PATH)
    patchelf = door.run([program, "--version"]).output.strip() if program else "no patchelf"
    return f"auditwheel {version('auditwheel')}, {patchelf}"


def repair(request: RepairRequest) -> Repaired:
    """Repair a wheel for a manylinux or musllinux target; see :class:`wheelyard.repair.protocol.Repairer`.

    :raises RepairError: naming each object with the symbols that the target does not have.
    """
    with temporary_folder("repair") as folder:
        (folder / "out").mkdir()
        said = worker.ask(
            "wheelyard.repair.auditwheel_worker",
            {
                "wheel": str(request.wheel),
                "into": str(folder / "out"),
                "platform": request.target.platform,
                "libraries": ":".join(map(str, request.libraries)) or None,
                "seen": list(map(str, request.seen)),
                "provided": list(request.provided),
                "check_instructions": request.check_instructions,
            },
            tool="auditwheel",
            wheel=request.wheel.name,
            scratch=folder,
            env=worker.environment(folder),
            log=request.log,
        )
        if said["outcome"] == "untouched":
            return unchanged.repair(request)
        if said["outcome"] == "refused":
            raise _refused(said, request)
        path = rewrite(folder / "out" / said["file"], request.into, Changes(platforms=said["platforms"]))
        return Repaired(path=path, policy=said["platforms"][0], grafted=tuple(said["grafted"]))


def _refused(said: dict[str, object], request: RepairRequest) -> RepairError:
    faults = said.get("faults")
    faults = [str(fault) for fault in faults] if isinstance(faults, list) else []
    if len(faults) > _SHOWN:
        faults = [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more objects"]
    needs = f"; it would run on {said['needs']}" if said.get("needs") else ""
    return RepairError(
        f"cannot run on {request.target.platform}: {'; '.join(faults) or 'auditwheel refuses it'}{needs}",
        where=request.wheel.name,
        hint="build it in an image of the target (its C library must not be newer than the target's)",
        log=request.log,
    )
