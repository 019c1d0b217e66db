"""Running a command with one fault: the program is started by ``starter.py``, and ``faults.c`` is preloaded into it."""

from __future__ import annotations

import functools
import json
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

Fault = Literal["kill", "full", "broken", "interrupted", "torn"]
FAULTS: tuple[Fault, ...] = ("kill", "torn", "full", "broken", "interrupted")
"""As in ``faults.c``: SIGKILL before a call or in the middle of a write, ENOSPC for good, EIO once, EINTR once."""

HERE = Path(__file__).parent
_STATE = struct.Struct("=8i1000s1000s")
_ORDINALS: Mapping[Fault | None, int] = {None: 0, "kill": 1, "full": 2, "broken": 3, "interrupted": 4, "torn": 5}


@dataclass(frozen=True, slots=True)
class Call:
    """One call on a file of the walked folder."""

    name: str
    path: str
    takes_room: bool


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str
    calls: tuple[Call, ...]
    hit: bool
    """Whether the fault came."""


@functools.cache
def library() -> Path:
    """Return ``faults.c``, compiled once."""
    made = Path(tempfile.mkdtemp(prefix="wheelyard-faults-")) / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", made, HERE / "faults.c", "-ldl"], check=True)
    return made


class Starter:
    """A Python that waits to run one program, again and again."""

    def __init__(self, python: str, program: str, scratch: Path) -> None:
        self._scratch = scratch
        self._state = scratch / "state"
        self._state.write_bytes(bytes(_STATE.size))
        environment = {"LD_PRELOAD": str(library()), "FAULTS_STATE": str(self._state), "PATH": "/usr/bin:/bin"}
        self._process = subprocess.Popen(
            [python, "-I", str(HERE / "starter.py"), program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ask.close()
        self._answer.close()
        self._process.wait()

    @property
    def _ask(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _answer(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        file: str | None = None,
        fault: Fault | None = None,
        at: int = 0,
        warm: bool = False,
    ) -> Run:
        """Run the program.

        :param folder: whose calls count.
        :param file: what the program is to take for its own path.
        :param at: ordinal of the call that the fault comes at, from 1.
        :param warm: learn what the program imports, for the next time.
        """
        log, output = self._scratch / "calls", self._scratch / "output"
        log.unlink(missing_ok=True)
        names = str(folder).encode(), str(log).encode()
        reads = int(fault == "broken")
        self._write_state(_STATE.pack(0, _ORDINALS[fault], reads, at, 0, 0, 0, 0, *names))
        order = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
            "output": str(output),
            "modules": str(self._scratch / "modules") if warm else "",
        }
        print(json.dumps(order if file is None else {**order, "file": file}), file=self._ask, flush=True)
        code = int(self._answer.readline())
        hit = bool(_STATE.unpack(self._state.read_bytes())[5])
        self._write_state(bytes(_STATE.size))
        texts = [output.with_suffix(each).read_text(errors="replace") for each in (".out", ".err")]
        calls = log.read_text(errors="replace").splitlines() if log.exists() else []
        return Run(code=code, out=texts[0], err=texts[1], calls=tuple(map(_call, calls)), hit=hit)

    def _write_state(self, state: bytes) -> None:
        # In place: the waiting Python has the file mapped, and is killed when it looks at it while it is empty.
        with self._state.open("r+b", buffering=0) as stream:
            stream.write(state)


def _call(line: str) -> Call:
    _, room, name, path = line.split(" ", 3)
    return Call(name=name, path=path, takes_room=room != "0")


def copy(source: Path, goal: Path) -> None:
    """Put a copy of a folder in the place of another; hard links stay hard links."""
    shutil.rmtree(goal, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", source, goal], check=True)
