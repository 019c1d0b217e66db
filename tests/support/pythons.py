"""Other interpreters of this machine, to run the offline side's code in."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest


@functools.cache
def find(version: str) -> str | None:
    """Return an interpreter X.Y that can run, or None."""
    places = [shutil.which(f"python{version}")]
    places += [str(path) for path in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))]
    for place in places:
        if place is not None:
            command = [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                return place
    return None


def need(version: str) -> str:
    """Return an interpreter X.Y, or skip the test."""
    found = find(version)
    if found is None:
        pytest.skip(f"no Python {version} here")
    return found


_LEFT_OUT = ("test", "site-packages", "idlelib", "tkinter", "ensurepip", "__pycache__", "lib2to3")


def pack_python(prefix: Path, archive: Path, *, version: str = "3.12") -> None:
    """Pack the Python of a prefix with its pip, without what no host needs."""

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = member.name.split("/")
        is_pip = "site-packages" in parts and any(part.startswith("pip") for part in parts)
        is_folder = parts[-1] == "site-packages"
        is_left_out = any(part in _LEFT_OUT or part.startswith("config-") for part in parts)
        return member if is_pip or is_folder or not is_left_out else None

    with tarfile.open(archive, "w") as stream:
        stream.add((prefix / "bin" / f"python{version}").resolve(), f"python/bin/python{version}")
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python{version}"
        stream.addfile(link)
        stream.add(prefix / "lib" / f"python{version}", f"python/lib/python{version}", filter=wanted)
