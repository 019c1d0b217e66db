"""Runs inside the target's environment: import each module in a process of its own and say how that went.

Standard library only, Python 3.6 and newer; imports nothing from the rest, as the target has nothing of the rest.

Usage: ``python inside.py MODULES.json``; prints one JSON object, ``{module: null or [line, lacks]}``: the last line of
what went wrong, and the module that was not found behind it, or null.
A module that crashes or hangs takes only its own process along.
"""

import json
import os
import signal
import sys
import tempfile
import traceback
from typing import Optional, Tuple

PATIENCE = 300


Fault = Tuple[str, Optional[str]]


def try_import(name: str) -> Optional[Fault]:
    """Import one module in a child process; return None, or the last line of what went wrong and what was lacking."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as lacks:
        child = os.fork()
        if child == 0:
            _child(name, said.fileno(), lacks.fileno())
        _, status = os.waitpid(child, 0)
        if status == 0:
            return None
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
        lacks.seek(0)
        lacking = lacks.read().decode("utf-8", "replace") or None
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return ("took too long" if number == signal.SIGALRM else "ended by signal %d" % number), None
    return (lines[-1] if lines else "exit status %d" % os.WEXITSTATUS(status)), lacking


def lacking(error: Optional[BaseException]) -> Optional[str]:
    """Return the module that was not found, if that is what an ImportError comes from, however it is put."""
    seen = set()
    while isinstance(error, ImportError) and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__ or error.__context__
    return None


def _child(name: str, said: int, lacks: int) -> None:
    """Import, and leave without running exit handlers (they would flush the parent's buffers again)."""
    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        signal.alarm(PATIENCE)
        __import__(name)
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        os.write(lacks, (lacking(error) or "").encode())
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Import what the file lists and print the results."""
    with open(sys.argv[1]) as stream:  # noqa: PTH123  (pathlib is not faster to start)
        names = json.load(stream)
    del sys.path[0]  # this file's own folder: nothing here is the target's
    results = {name: try_import(name) for name in names}
    print(json.dumps(results, sort_keys=True))


if __name__ == "__main__":
    main()
