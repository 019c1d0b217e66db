"""An egg or an old Windows installer as a wheel that a pip takes."""

from __future__ import annotations

import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import WheelError
from wheelyard.domain.wheel_name import WheelName
from wheelyard.io import process
from wheelyard.wheels.objects.members import objects_of
from wheelyard.wheels.rewrite import Changes, rewrite

SUFFIXES = (".egg", ".exe")

_SOABI = re.compile(r"\.(?:cpython-|cp)(\d{2,3})([a-z]*)-[\w-]+\.(?:so|pyd)$")
_STABLE = re.compile(r"\.abi3\.so$")
_PYTHON = re.compile(r"py3(\d+)")


def convert(path: Path, scratch: Path) -> Path:
    """Turn an egg or a Windows installer into a wheel, by the ``wheel`` project's own command, and mend its tags.

    That command names eggs with compiled modules ``py311-cp311-…``, which no pip takes, and those without for one
    platform if their name has one.

    :raises WheelError: if it is damaged or no such file, or its Python or platform cannot be known.
    """
    folder = scratch / path.name
    folder.mkdir()
    done = process.run(
        [sys.executable, "-m", "wheel", "convert", "-d", folder, path.resolve()], merge=True, timeout=600
    )
    made = sorted(folder.glob("*.whl"))
    if done.returncode or len(made) != 1:
        last = done.output.strip().splitlines()[-1:] or ["no wheel came out"]
        kind = "egg" if path.suffix == ".egg" else "installer that bdist_wininst made"
        raise WheelError(
            f"cannot be turned into a wheel: {last[0]}", where=path.name, hint=f"it is no {kind}, or a damaged one"
        )
    try:
        name = wheel_name.parse(made[0].name)
        content = _marks(made[0], new := _tagged(made[0], name))
    except (wheel_name.InvalidWheelFilename, zipfile.BadZipFile, KeyError) as error:
        raise WheelError(f"cannot be turned into a wheel: {error}", where=path.name) from error
    return rewrite(made[0], folder / "mended", Changes(extra={"WHEEL": content}), filename=str(new))


def _tagged(wheel: Path, name: WheelName) -> WheelName:
    """Return the name with the tags that the content earns.

    :raises WheelError: if they cannot be known.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = archive.namelist()
    modules = [member for member in members if member.endswith((".so", ".pyd", ".dylib"))]
    compiled = modules or [member for member, _ in objects_of(wheel)]
    if not compiled:
        return replace(name, abi="none", platform="any")
    if name.platform == "any":
        raise WheelError(
            f"{compiled[0]} is compiled, and the name does not say for which platform",
            where=wheel.name,
            hint="name it as setuptools does: NAME-1.0-py3.11-linux-x86_64.egg",
        )
    told = {(match[1], match[2]) for member in modules if (match := _SOABI.search(member))}
    python = _PYTHON.fullmatch(name.python)
    if len(told) == 1:
        version, flags = told.pop()
    elif told or python is None:
        raise WheelError(
            "it has compiled modules, and does not say for which one Python 3", where=wheel.name, hint="build a wheel"
        )
    else:
        version = f"3{python[1]}"
        flags = "m" if int(python[1]) < 8 else ""
    stable = all(_STABLE.search(module) for module in modules) and bool(modules)
    return replace(name, python=f"cp{version}", abi="abi3" if stable else f"cp{version}{flags}")


def _marks(wheel: Path, name: WheelName) -> bytes:
    """Return the file WHEEL of a wheel with another name's tags."""
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (member for member in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/WHEEL", member))
        lines = archive.read(member).decode().splitlines()
    kept = [line for line in lines if line and not line.startswith(("Tag:", "Root-Is-Purelib:"))]
    pure = "true" if name.platform == "any" else "false"
    return "\n".join([*kept, f"Root-Is-Purelib: {pure}", *(f"Tag: {tag}" for tag in name.tags), ""]).encode()
