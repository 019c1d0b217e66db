"""Starts one Python program again and again, each time in a fork of itself, so that the interpreter starts only once.

    python -I starter.py PROGRAM        a file, or a module to be run as ``-m`` does

It reads one JSON object a line (``arguments``, ``environment``, ``folder``, ``output``, ``modules``), runs the program
in a child, and answers with its exit code, negative for a signal. What is preloaded is awake in the child only.
Runs on Python 3.6.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import site
import sys
import types
from typing import Any, Dict, List, Set

PATIENCE = 300  # seconds; who takes longer hangs


def begin(order: Dict[str, Any]) -> None:
    """Become the process that the order describes; from here on, calls are counted."""
    os.setpgid(0, 0)
    signal.alarm(PATIENCE)
    os.chdir(order["folder"])
    kept = {name: os.environ[name] for name in ("LD_PRELOAD", "FAULTS_STATE")}
    os.environ.clear()
    os.environ.update(order["environment"], **kept)
    site.USER_BASE = site.USER_SITE = None  # found out anew: another user starts this, so to speak
    for number, name in enumerate((os.devnull, order["output"] + ".out", order["output"] + ".err")):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
        os.close(file)
    with open(os.environ["FAULTS_STATE"], "r+b") as stream:
        stream.write((1).to_bytes(4, sys.byteorder))
        stream.seek(24)
        stream.write(os.getpid().to_bytes(4, sys.byteorder))


def run(program: str, order: Dict[str, Any]) -> None:
    """Run the program as the main one."""
    sys.argv = [order.get("file", program)] + order["arguments"]
    if not program.endswith(".py"):
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return
    with open(program, "rb") as stream:
        code = compile(stream.read(), sys.argv[0], "exec", dont_inherit=True)
    sys.modules["__main__"] = types.ModuleType("__main__")
    names = sys.modules["__main__"].__dict__
    names.update(__file__=sys.argv[0], __builtins__=__builtins__)
    exec(code, names)


def main() -> None:
    """Obey one order after another until there are no more."""
    program = sys.argv[1]
    known: Set[str] = set(sys.modules)
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            begin(order)
            try:
                run(program, order)
            finally:
                if order["modules"]:
                    with open(order["modules"], "w") as stream:
                        json.dump(sorted(set(sys.modules) - known), stream)
            sys.exit(0)
        status = os.waitpid(child, 0)[1]
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        if order["modules"]:
            warm(order["modules"])
        print(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), flush=True)


def warm(path: str) -> None:
    """Import what the program needed, so that the next child finds it there."""
    with open(path) as stream:
        names: List[str] = json.load(stream)
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


if __name__ == "__main__":
    main()
