"""Repair for macOS: delocate on a Mac; where Apple's tools are absent, the same by repairwheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import RepairError, ToolError
from wheelyard.domain.repaired import Repaired, RepairRequest
from wheelyard.io import process as door
from wheelyard.io.temporary import temporary_folder
from wheelyard.repair import worker
from wheelyard.repair.macho_faults import absolute, faults
from wheelyard.targets import platforms
from wheelyard.targets.platforms import Platform

FOLDER = ".dylibs"
"""What the folder of the grafted libraries is called, behind the package's name."""

_SHOWN = 10


def identity() -> str:
    """Return the version of the tool that works on this machine."""
    tool = _tool()
    try:
        return f"{tool} {version(tool)}"
    except PackageNotFoundError:
        return f"no {tool}"


def repair(request: RepairRequest) -> Repaired:
    """Repair a wheel for a macOS target; see :class:`wheelyard.repair.protocol.Repairer`.

    Dylibs are grafted, install names rewritten to ``@loader_path``, run paths that lead out of the wheel removed, and
    what was changed is signed ad hoc. The tag is that of the newest macOS that an object needs. delocate cannot leave a
    library out, and macOS promises a CPU by its version: ``provided`` and ``check_instructions`` say nothing here.

    :raises RepairError: naming each object that is for another CPU or a newer macOS, and each dylib that is nowhere.
    :raises ToolError: if what does the work is not installed.
    """
    tool = _tool()
    if importlib.util.find_spec(tool) is None:
        raise ToolError(f"{tool} is not installed, which repairs wheels for macOS", hint=f"pip install {tool}")
    work = _by_delocate if tool == "delocate" else _by_repairwheel
    wheel, platform = request.wheel, platforms.parse(request.target.platform)
    _refuse(faults(wheel, platform), request)
    with temporary_folder("repair") as folder:
        (folder / "out").mkdir()
        refused = work(request, folder, platform)
        _refuse((*absolute(wheel), *refused) if refused else (), request)
        (out,) = (folder / "out").glob("*.whl")
        _refuse((*faults(out, platform), *absolute(out)), request)
        request.into.mkdir(parents=True, exist_ok=True)
        path = Path(shutil.copy2(out, request.into))
    return Repaired(path=path, policy=wheel_name.parse(path.name).platform, grafted=_grafted(wheel, path))


def has_apple_tools() -> bool:
    """Whether this is a Mac with Apple's command line tools, which delocate itself needs."""
    return all(shutil.which(tool) for tool in ("otool", "install_name_tool", "lipo", "codesign"))


def _tool() -> str:
    """Return the name of the tool that works on this machine, which is its module's too."""
    return "delocate" if has_apple_tools() else "repairwheel"


def delocate_command(wheel: Path, into: Path, platform: Platform) -> list[str]:
    """Return the command by which delocate repairs a wheel.

    The oldest macOS is in its environment: ``--require-target-macos-version`` is the old way to say it.
    """
    program = str(Path(sys.executable).parent / "delocate-wheel")
    options = ["--lib-sdir", FOLDER, "--sanitize-rpaths", "--require-archs", ",".join(platform.cpus)]
    return [program, "-v", *options, "--wheel-dir", str(into), str(wheel)]


def environment(scratch: Path, platform: Platform, libraries: Sequence[Path]) -> dict[str, str]:
    """Return the whole environment of what repairs a wheel.

    :param libraries: folders to look for dylibs in, besides where objects say.
    """
    return {
        **worker.environment(scratch),
        "DYLD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "MACOSX_DEPLOYMENT_TARGET": f"{platform.version[0]}.{platform.version[1]}",
    }


def _by_delocate(request: RepairRequest, folder: Path, platform: Platform) -> list[str]:
    """Repair into ``folder/out``; return what delocate refuses."""
    command = delocate_command(request.wheel, folder / "out", platform)
    env = environment(folder, platform, request.libraries)
    done = door.run(command, env=env, log=request.log, timeout=worker.TIMEOUT)
    if done.returncode == 0:
        if not any((folder / "out").iterdir()):  # nothing had to be changed
            shutil.copy2(request.wheel, folder / "out")
        return []
    return [done.output.strip().rpartition("\n")[2]]


def _by_repairwheel(request: RepairRequest, folder: Path, platform: Platform) -> list[str]:
    """Repair into ``folder/out``, in a process of its own; return what delocate's copy in repairwheel refuses.

    :raises RepairError: if it ends with an error that is not about the wheel.
    """
    refused = worker.ask(
        "wheelyard.repair.delocate_worker",
        {"wheel": str(request.wheel), "into": str(folder / "out"), "folder": FOLDER},
        tool="delocate",
        wheel=request.wheel.name,
        scratch=folder,
        env=environment(folder, platform, request.libraries),
        log=request.log,
    )
    return [str(fault) for fault in refused]


def _refuse(faults: Iterable[str], request: RepairRequest) -> None:
    """Raise an error if there are faults."""
    shown = list(faults)
    if not shown:
        return
    if len(shown) > _SHOWN:
        shown = [*shown[:_SHOWN], f"and {len(shown) - _SHOWN} more"]
    raise RepairError(
        f"cannot run on {request.target.platform}: {'; '.join(shown)}",
        where=request.wheel.name,
        hint="a library must be for the target's CPU and no newer macOS, and lie where the wheel says",
        log=request.log,
    )


def _grafted(before: Path, after: Path) -> tuple[str, ...]:
    """Return the names of the libraries that one wheel has and the other has not."""
    names = []
    for wheel in (before, after):
        with zipfile.ZipFile(wheel) as archive:
            names.append(set(archive.namelist()))
    new = (PurePosixPath(name) for name in names[1] - names[0])
    return tuple(sorted(path.name for path in new if path.parent.name.endswith(FOLDER)))
