"""The one door to other programs: logs the command, hides secrets, ends whole process groups, enforces time-outs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.errors import ToolError

_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_STEPS = 0.02
_MAX_OUTPUT = 16 << 20
_running: set[subprocess.Popen[bytes]] = set()
_ended: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended. ``output`` is its standard output, and its errors too where they were merged."""

    command: tuple[str, ...]
    returncode: int
    output: str
    errors: str = ""
    timed_out: bool = False
    seconds: float = 0.0
    reason: str = ""
    """Which limit made it fail, in words, where the sandbox knows."""


def redact(text: str) -> str:
    """Hide user names and passwords in the URLs of a text."""
    return _SECRET.sub("****@", text)


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    log: Path | None = None,
    merge: bool = False,
    timeout: float | None = None,
) -> Completed:
    """Run a program to its end and return how it ended; a non-zero exit is not an error here.

    :param env: the whole environment; None passes on our own.
    :param log: a file that the command and all its output are appended to, as it comes.
    :param merge: put standard error into ``output`` (implied by ``log``).
    :param timeout: seconds; the program and everything it started in its process group are then killed.
    :raises ToolError: if the program cannot be started.
    :raises KeyboardInterrupt: if ``end_all`` ended it: then it did not fail, somebody wished an end.
    """
    arguments = tuple(os.fspath(part) for part in command)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        sink = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            sink = stack.enter_context(log.open("a+b"))
            sink.write(f"$ {redact(shlex.join(arguments))}\n".encode())
            sink.flush()
        begin = sink.tell() if sink else 0
        try:
            process = subprocess.Popen(
                arguments,
                cwd=cwd,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=sink or subprocess.PIPE,
                stderr=subprocess.STDOUT if (merge or sink) else subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(
                f"cannot start {arguments[0]}: {error.strerror or error}", hint="is it installed and executable?"
            ) from error
        _running.add(process)
        stack.callback(_running.discard, process)
        stack.callback(_ended.discard, process)
        timed_out = False
        output = errors = b""
        try:
            output, errors = process.communicate(None if stdin is None else stdin.encode(), timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        except BaseException:  # Ctrl-C: take the children along, then go on unwinding
            _kill_group(process)
            process.wait()
            raise
        if timed_out:
            _kill_group(process)
            output, errors = process.communicate()
        if process in _ended:
            raise KeyboardInterrupt
        if sink is not None:
            # The end of a log tells why it ended; one without end must not fill our memory.
            sink.seek(max(begin, sink.seek(0, os.SEEK_END) - _MAX_OUTPUT))
            output = sink.read()
    return Completed(
        command=arguments,
        returncode=process.returncode,
        output=(output or b"").decode(errors="replace"),
        errors=(errors or b"").decode(errors="replace"),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
    )


def end_all() -> None:
    """End every program that runs now: for an interrupt, which only the main thread hears of.

    Threads that wait for one hear of it so: ``run`` raises KeyboardInterrupt in them.
    """
    for process in tuple(_running):
        _ended.add(process)
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: politely, then for good."""
    for sign, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 0.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            time.sleep(_STEPS)
