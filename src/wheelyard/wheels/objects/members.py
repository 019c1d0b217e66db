"""The binary objects of a wheel, as they lie in it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from wheelyard.domain.errors import WheelError

_ELF, _MACHO = b"\x7fELF", (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def objects_of(wheel: Path, *, filename: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the binary objects of a wheel.

    :raises WheelError: if it cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    magic = stream.read(4)
                    if magic == _ELF or magic in _MACHO:
                        yield member.filename, magic + stream.read()
    except (zipfile.BadZipFile, OSError) as error:
        raise WheelError(f"cannot be read: {error}", where=filename or wheel.name) from error


def is_grafted(member: str) -> bool:
    """Whether a member of a wheel was put there by a repair tool."""
    return any(part.endswith((".libs", ".dylibs")) for part in member.split("/")[:-1])
