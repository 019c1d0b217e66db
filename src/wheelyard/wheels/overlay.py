"""Headers and libraries of build requirements, as the target has them.

Build requirements run on the machine that builds, but what is compiled against them does not: NumPy's headers say how
long a ``long double`` is. So what compilers and linkers read is taken from the target's wheel of the same version, and
put over the machine's; what runs stays the machine's.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from wheelyard.io import files
from wheelyard.wheels.read import read_facts

_READ = re.compile(r"(?:^|/)include/|\.(?:pc|cmake|a|dylib)$|(?:^|/)lib[^/]*\.so(?:\.\d+)*$")
"""What compilers, linkers, pkg-config and CMake look for."""

_LEFT = re.compile(r"(?:^|/)(?:share|[^/]+\.libs|\.dylibs|[^/]+\.dist-info)/")
"""What is the same for every machine, or was grafted for the wheel's own modules: nobody links with that."""

_DATA = re.compile(r"[^/]+\.data/(?P<scheme>purelib|platlib|headers|scripts|data)/(?P<path>.+)")


def brings(wheel: Path) -> bool:
    """Whether a wheel has something to compile or link against."""
    with zipfile.ZipFile(wheel) as archive:
        return any(_is_read(name) for name in archive.namelist())


def lay(filename: str, wheel: Path, scheme: Mapping[str, str]) -> None:
    """Put what is compiled and linked against over that of the same project in an environment.

    :param filename: of the target's wheel, where the path does not end in it (a blob of the store).
    :param scheme: folders of the environment by the names of ``sysconfig.get_paths()``; ``headers`` is the project's.
    :raises WheelError: if it is damaged, or a member's name leads out of it.
    """
    read_facts(wheel, filename=filename)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if _is_read(member.filename):
                files.write(_place(member.filename, scheme), archive.read(member), sync=False)


def pkg_config_folders(environment: Path) -> tuple[Path, ...]:
    """Return the folders of an environment that pkg-config finds something in, sorted."""
    return tuple(sorted({path.parent for path in environment.rglob("*.pc")}))


def _is_read(name: str) -> bool:
    return not name.endswith("/") and _READ.search(name) is not None and _LEFT.search(name) is None


def _place(name: str, scheme: Mapping[str, str]) -> Path:
    data = _DATA.fullmatch(name)
    below = PurePosixPath(data["path"] if data else name)
    return Path(scheme[data["scheme"] if data else "platlib"], below)
