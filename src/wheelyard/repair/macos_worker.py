"""delocate in a process of its own: ``macos_worker REQUEST ANSWER`` (JSON files). Answers ``repaired`` or ``refused``.

Without Apple's tools, repairwheel's own copy of delocate is used, with what those tools do done by macholib.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wheelyard.check.objects import macho
from wheelyard.check.objects.check import other_cpus
from wheelyard.check.objects.model import NotAnObjectError, Object
from wheelyard.targets import platforms
from wheelyard.targets.platforms import Platform

_SYSTEM = ("/usr/lib/", "/System/Library/")
_RELATIVE = ("@rpath/", "@loader_path/", "@executable_path/")


class _Said(logging.Handler):
    """Keeps what delocate says about libraries that it does not find."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [line.strip() for line in record.getMessage().splitlines() if line.strip()]


def main(request_file: str, answer_file: str) -> None:
    """Do what the request asks, write the answer."""
    request = json.loads(Path(request_file).read_text())
    Path(answer_file).write_text(json.dumps(_repair(request)))


def _repair(request: Mapping[str, Any]) -> dict[str, Any]:
    wheel, into, platform = Path(request["wheel"]), Path(request["into"]), platforms.parse(request["platform"])
    faults = list(_faults(wheel, platform))
    if faults:
        return {"outcome": "refused", "faults": faults}
    os.environ["DYLD_LIBRARY_PATH"] = os.pathsep.join(request["libraries"])
    said = _Said()
    logging.getLogger().addHandler(said)
    delocate, expected = _delocate(apple=request["apple"])
    try:
        # Without require_archs, which names the wrong one of two files: what CPUs they are for is looked at below.
        copied = delocate(str(wheel), str(into / wheel.name), lib_sdir=".dylibs", sanitize_rpaths=True)
    except expected as error:
        about = " ".join(" ".join(str(error).split()).split(str(into)))
        return {"outcome": "refused", "faults": [*_absolute(wheel), *said.lines, about]}
    (out,) = into.glob("*.whl")
    faults = [*_faults(out, platform), *_absolute(out)]
    if faults:
        return {"outcome": "refused", "faults": faults}
    return {"outcome": "repaired", "file": out.name, "grafted": sorted(Path(each).name for each in copied)}


def _delocate(*, apple: bool) -> tuple[Callable[..., Mapping[str, Any]], tuple[type[Exception], ...]]:
    """Return the function that does the work, and the errors that are about the wheel."""
    package = "delocate"
    if not apple:
        package = "repairwheel._vendor.delocate"
        importlib.import_module("repairwheel.macos.repair")._patch_tools()
    delocating, tools = (importlib.import_module(f"{package}.{each}") for each in ("delocating", "tools"))
    libsana = importlib.import_module(f"{package}.libsana")
    about_the_wheel = (libsana.DelocationError, libsana.DependencyNotFound, tools.InstallNameError)
    return delocating.delocate_wheel, (*about_the_wheel, FileNotFoundError, ValueError)


def _objects(wheel: Path) -> Iterator[tuple[str, Object]]:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                head = stream.read(8)
                if not macho.is_macho(head):
                    continue
                try:
                    for each in macho.read(head + stream.read()):
                        yield member.filename, each
                except NotAnObjectError:
                    continue  # a Java class, say


def _faults(wheel: Path, platform: Platform) -> Iterator[str]:
    """Yield what cannot run on a platform whatever is grafted."""
    found = list(_objects(wheel))
    yield from other_cpus(found, platform)
    for name, each in found:
        if each.cpu in platform.cpus and each.minimum and each.minimum > _allowed(platform, each.cpu):
            yield f"{name} needs macOS {each.minimum[0]}.{each.minimum[1]}"


def _allowed(platform: Platform, cpu: str) -> tuple[int, int]:
    return max(platform.version, (11, 0)) if cpu == "arm64" else platform.version


def _absolute(wheel: Path) -> Iterator[str]:
    """Yield the libraries that an object looks for at a place of the machine that built it."""
    for name, each in _objects(wheel):
        for library in each.libraries:
            if not library.startswith((*_SYSTEM, *_RELATIVE)):
                yield f"{name} needs {library}, which no host has"


if __name__ == "__main__":
    main(*sys.argv[1:])
