"""What keeps a wheel from running on Macs: read from its objects, before and after libraries are grafted."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from wheelyard.targets.platforms import Platform
from wheelyard.wheels.objects import macho
from wheelyard.wheels.objects.check import other_cpus
from wheelyard.wheels.objects.model import NotAnObjectError, Object

_SYSTEM = ("/usr/lib/", "/System/Library/")
_RELATIVE = ("@rpath/", "@loader_path/", "@executable_path/")


def faults(wheel: Path, platform: Platform) -> Iterator[str]:
    """Yield what cannot run on a platform whatever is grafted: code for other CPUs only, or for a newer macOS."""
    found = list(_objects(wheel))
    yield from other_cpus(found, platform)
    for name, each in found:
        if each.cpu in platform.cpus and each.minimum and each.minimum > _allowed(platform, each.cpu):
            yield f"{name} needs macOS {each.minimum[0]}.{each.minimum[1]}"


def absolute(wheel: Path) -> Iterator[str]:
    """Yield the libraries that an object looks for at a place of the machine that built it."""
    for name, each in _objects(wheel):
        for library in each.libraries:
            if not library.startswith((*_SYSTEM, *_RELATIVE)):
                yield f"{name} needs {library}, which no host has"


def _objects(wheel: Path) -> Iterator[tuple[str, Object]]:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                head = stream.read(8)
                if not macho.is_macho(head):
                    continue
                try:
                    for image in macho.read(head + stream.read()):
                        yield member.filename, image
                except NotAnObjectError:
                    continue  # a Java class, say


def _allowed(platform: Platform, cpu: str) -> tuple[int, int]:
    return max(platform.version, (11, 0)) if cpu == "arm64" else platform.version
