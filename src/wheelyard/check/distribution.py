"""One wheel or sdist, checked by its name's ending: what ``wheelyard check FILE`` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wheelyard.check import sdist, wheel
from wheelyard.errors import WheelError

_WHEEL = ".whl"
_SDISTS = (".tar.gz", ".zip")


def is_distribution(path: Path) -> bool:
    """Whether a path is that of a wheel or an sdist, by its name; a folder is none."""
    return path.name.endswith((_WHEEL, *_SDISTS)) and not path.is_dir()


def faults(paths: Iterable[Path]) -> list[WheelError]:
    """Return what is wrong with wheels and sdists, in order; each is read in full."""
    found = []
    for path in paths:
        try:
            if path.name.endswith(_WHEEL):
                wheel.read(path)
            else:
                sdist.read(path)
        except WheelError as error:
            found.append(error)
    return found
