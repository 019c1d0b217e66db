"""repairwheel's delocate in a process of its own: ``worker REQUEST ANSWER`` (JSON files).

It is a copy of delocate, with what Apple's tools do done by macholib: it works on any machine, but changes modules that
others may use. The answer is a JSON list of what it refuses; empty if it has written the repaired wheel.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from pathlib import Path

_MODULES = ("delocating", "libsana", "tools")


class _Said(logging.Handler):
    """Keeps what delocate says about libraries that it does not find."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [line.strip() for line in record.getMessage().splitlines() if line.strip()]


def main(request_file: str, answer_file: str) -> None:
    """Repair one wheel.

    The request says ``wheel``, ``into`` (the folder of the repaired one) and ``folder`` (what that of the grafted
    libraries is called).
    """
    request = json.loads(Path(request_file).read_text())
    Path(answer_file).write_text(json.dumps(_refused(request["wheel"], request["into"], request["folder"])))


def _refused(wheel: str, into: str, folder: str) -> list[str]:
    said = _Said()
    logging.getLogger().addHandler(said)
    importlib.import_module("repairwheel.macos.repair")._patch_tools()
    delocating, libsana, tools = (
        importlib.import_module(f"repairwheel._vendor.delocate.{module}") for module in _MODULES
    )
    # It loads its modules anew when it patches them: there are two of the first.
    delocation = (delocating.DelocationError, libsana.DelocationError, libsana.DependencyNotFound)
    try:
        # Without require_archs, which names the wrong one of two files: what CPUs they are for is looked at afterwards.
        copied = delocating.delocate_wheel(
            wheel, str(Path(into) / Path(wheel).name), lib_sdir=folder, sanitize_rpaths=True
        )
    except (*delocation, tools.InstallNameError, FileNotFoundError, ValueError) as error:
        return [*said.lines, " ".join(" ".join(str(error).split()).split(into))]
    if copied:
        # It leaves alone what needs nothing but the system: a BLAS says where its compiler's libraries were.
        inside = importlib.import_module("repairwheel._vendor.delocate.wheeltools").InWheel
        (path,) = Path(into).glob("*.whl")  # named by what is in it
        with inside(str(path), str(path)):
            for library in sorted(Path().rglob(f"*{folder}/*")):
                tools._remove_absolute_rpaths(str(library))
    return []


if __name__ == "__main__":
    main(*sys.argv[1:])
