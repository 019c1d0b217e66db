"""The one door to other programs: logs the command, hides secrets, ends whole process groups, enforces time-outs."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from wheelyard.domain.command import Completed
from wheelyard.domain.errors import ToolError
from wheelyard.domain.redact import hide

_STEPS = 0.02
_MAX_OUTPUT = 16 << 20
"""Bytes of a program's output that are returned where it goes into a log: the last ones, which say why it ended."""
_BLOCK = 1 << 16
MAX_LOG = 64 << 20
"""Bytes of a log; behind them only the end of what a program says is written, and how much was left out."""
_LAST = 1 << 20
_running: set[subprocess.Popen[bytes]] = set()
_ended: set[subprocess.Popen[bytes]] = set()


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
    :param log: a file that the command and all its output are appended to, as it comes, up to a bound.
    :param merge: put standard error into ``output`` (implied by ``log``).
    :param timeout: seconds; the program and everything it started in its process group are then killed.
    :raises ToolError: if the program cannot be started.
    :raises KeyboardInterrupt: if ``end_all`` ended it: then it did not fail, somebody wished an end.
    """
    arguments = tuple(os.fspath(part) for part in command)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        listener = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            sink = stack.enter_context(log.open("ab", buffering=0))
            sink.write(f"$ {hide(shlex.join(arguments))}\n".encode())
            listener = stack.enter_context(_listening(sink))
        try:
            process = subprocess.Popen(
                arguments,
                cwd=cwd,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=listener.inlet if listener else subprocess.PIPE,
                stderr=subprocess.STDOUT if (merge or listener) else subprocess.PIPE,
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
        if listener is not None:
            output = listener.end()
    return Completed(
        command=arguments,
        returncode=process.returncode,
        output=(output or b"").decode(errors="replace"),
        errors=(errors or b"").decode(errors="replace"),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
    )


class _Listener:
    """Writes what comes out of a pipe into a log, and keeps its end; neither grows without bound."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._outlet, self.inlet = os.pipe()
        self._stopped, self._stop = os.pipe()
        self._sink = sink
        self._room = max(0, MAX_LOG - sink.tell())
        self._kept = bytearray()
        self._left = 0
        self._thread = threading.Thread(target=self._listen, name="log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> bytes:
        """Return the end of what came, when the program has ended: others that hold the pipe are not waited for."""
        os.close(self.inlet)
        os.close(self._stop)
        self.inlet = self._stop = -1
        self._thread.join()
        said = bytes(self._kept[-_MAX_OUTPUT:])
        if self._left:
            last = said[-min(_LAST, self._left) :]
            note = f"\n... {self._left - len(last)} bytes of output are left out here ...\n"
            self._sink.write(note.encode() + last)
        return said

    def close(self) -> None:
        for descriptor in (self.inlet, self._stop):
            if descriptor >= 0:
                os.close(descriptor)
        self._thread.join()
        os.close(self._outlet)
        os.close(self._stopped)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._outlet, self._stopped):
                selector.register(descriptor, selectors.EVENT_READ)
            patience = _LAST
            while patience > 0:
                ready = {key.fd for key, _ in selector.select()}
                block = os.read(self._outlet, _BLOCK) if self._outlet in ready else b""
                if not block:
                    return  # the end, or told to stop where nothing is left in the pipe
                self._take(block)
                if self._stopped in ready:
                    patience -= len(block)

    def _take(self, block: bytes) -> None:
        written, dropped = block[: self._room], len(block) - self._room
        if written:
            with contextlib.suppress(OSError):  # a full disk is not the program's fault, nor may it block it
                self._sink.write(written)
        self._room -= len(written)
        self._left += max(0, dropped)
        self._kept += block
        if len(self._kept) > 2 * _MAX_OUTPUT:
            del self._kept[:-_MAX_OUTPUT]


@contextlib.contextmanager
def _listening(sink: IO[bytes]) -> Iterator[_Listener]:
    listener = _Listener(sink)
    listener.start()
    try:
        yield listener
    finally:
        listener.close()


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
