"""Shared libraries of an image, brought out of it so that repair can graft them."""

from __future__ import annotations

import contextlib
import re
import zipfile
from pathlib import Path

from wheelyard.domain.command import Command
from wheelyard.io import beneath
from wheelyard.sandbox.local import FILE_SIZE
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.workspace import Workspace

_LINE = re.compile(r"^\s+(\S+) => (/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_MAGIC = b"\x7fELF"

# ldd runs the loader of the image on the object: so it happens inside, as everything of the build does.
_COPY = 'cd "$1" && shift && for each in "$@"; do ldd "$each"; done; true'
_TAKE = 'into="$1"; shift; for each in "$@"; do cp -L "$each" "$into/${each##*/}" || exit 1; done'


def collect(place: Workspace, wheel: Path) -> tuple[Path, ...]:
    """Copy what a wheel's objects load, inside the sandbox, into one folder aside and return it.

    The names in that folder are the names that the objects ask for; nothing there is trusted more than the wheel.
    """
    # A folder of its own to write in: the loader may run what is in the objects.
    inside = place.aside / "inside"
    objects, copies, libraries = inside / "objects", inside / "libraries", place.aside / "libraries"
    for folder in (inside, objects, copies, libraries):
        folder.mkdir()
    names = _extract(wheel, objects)
    if not names:
        return ()
    said = _run(place, inside, "/bin/sh", "-c", _COPY, "sh", str(objects), *(f"./{name}" for name in names))
    found = dict(_LINE.findall(said))
    wanted = sorted(path for path in found.values() if not Path(path).is_relative_to(objects))
    if wanted:
        _run(place, inside, "/bin/sh", "-c", _TAKE, "sh", str(copies), *wanted)
    for name in beneath.names(inside, "libraries"):
        with contextlib.suppress(beneath.NotPlainError):
            beneath.take(inside, f"libraries/{name}", libraries / name, most=FILE_SIZE)
    return (libraries,)


def _extract(wheel: Path, into: Path) -> list[str]:
    """Extract the objects of a wheel that was checked; return their names."""
    names = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            with archive.open(member) as stream:
                if stream.read(4) != _MAGIC:
                    continue
            archive.extract(member, into)
            names.append(member.filename)
    return names


def _run(place: Workspace, inside: Path, *argv: str) -> str:
    done = place.sandbox.run(
        Command(
            argv=argv,
            cwd=inside,
            env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
            readable=(place.root, *place.readable),
            writable=(inside,),
            limits=place.limits,
            log=place.log,
        )
    )
    return done.output
