"""Running a program to see whether it works."""

from __future__ import annotations

import re
import shutil

from wheelyard.domain.command import Completed
from wheelyard.domain.errors import ToolError
from wheelyard.io.process import run

TIMEOUT = 30.0


def attempt(*command: str, stdin: str | None = None) -> Completed | None:
    """Run a program; None where there is none of that name or it cannot be started."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        return run([program, *command[1:]], stdin=stdin, timeout=TIMEOUT)
    except ToolError:
        return None


def said(ended: Completed) -> str:
    """Return what a failed program says is wrong: its first line that says something of an error, else its last."""
    lines = [line.strip() for line in (ended.errors + "\n" + ended.output).splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|cannot|denied|not permitted|refused|failed", line, re.I)]
    if ended.timed_out:
        return f"no answer within {TIMEOUT:.0f} seconds"
    return (telling or lines[-1:] or [f"exit code {ended.returncode}"])[0][:200]


def first_line(ended: Completed) -> str:
    """Return the first line that a program printed."""
    return (ended.output.strip().splitlines() or [""])[0]
