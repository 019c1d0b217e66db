"""Repair for macOS: delocate on a Mac; where Apple's tools are absent, the same by repairwheel."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wheelyard.doors import run as door
from wheelyard.errors import RepairError, ToolError
from wheelyard.repair.model import Repaired
from wheelyard.repair.rewrite import EPOCH
from wheelyard.targets.model import Target

_TIMEOUT = 900.0
_SHOWN = 10


def repair(wheel: Path, into: Path, target: Target, *, log: Path, libraries: Sequence[Path] = ()) -> Repaired:
    """Repair a wheel for a macOS target; see :class:`wheelyard.repair.model.Repairer`.

    Dylibs are grafted, install names rewritten to ``@loader_path``, run paths that lead out of the wheel removed, and
    what was changed is signed ad hoc. The tag is that of the newest macOS that an object needs.

    :raises RepairError: naming each object that is for another CPU or a newer macOS, and each dylib that is nowhere.
    :raises ToolError: if what does the work is not installed.
    """
    needed = "delocate" if has_apple_tools() else "repairwheel"
    if importlib.util.find_spec(needed) is None:
        raise ToolError(f"{needed} is not installed, which repairs wheels for macOS", hint=f"pip install {needed}")
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
                    "libraries": [str(each) for each in libraries],
                    "apple": has_apple_tools(),
                }
            )
        )
        done = door.run(
            [sys.executable, "-I", "-m", "wheelyard.repair.macos_worker", request, answer],
            env={
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
            raise RepairError(f"delocate ended with an error: {last}", where=wheel.name, log=log)
        said = json.loads(answer.read_text())
        if said["outcome"] == "refused":
            faults = said["faults"]
            if len(faults) > _SHOWN:
                faults = [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more"]
            raise RepairError(
                f"cannot run on {target.platform}: {'; '.join(faults)}",
                where=wheel.name,
                hint="a library must be for the target's CPU and no newer macOS, and lie where the wheel says",
                log=log,
            )
        into.mkdir(parents=True, exist_ok=True)
        path = Path(shutil.copy2(folder / "out" / said["file"], into))
        return Repaired(path=path, policy=path.stem.rpartition("-")[2], grafted=tuple(said["grafted"]))


def has_apple_tools() -> bool:
    """Whether this is a Mac with Apple's command line tools, which delocate itself needs."""
    return all(shutil.which(each) for each in ("otool", "install_name_tool", "lipo", "codesign"))
