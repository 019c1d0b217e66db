"""One wheel or sdist, checked by its name's ending: what ``wheelyard check FILE`` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wheelyard.domain.errors import WheelError
from wheelyard.sdist import reader
from wheelyard.wheels import read

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
                read.read(path)
            else:
                reader.read(path)
        except WheelError as error:
            found.append(error)
    return found
