"""Cases for readers of what comes from outside, judged in processes that may not take much memory or time.

``make fuzz`` sets ``WHEELYARD_FUZZ`` to how many times as many cases are tried, at random; else they are few and always
the same.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings

import wheelyard
from tests.support import fuzz_child
from tests.support.pythons import need

TIMES = int(os.environ.get("WHEELYARD_FUZZ", "0"))
SOURCE = Path(wheelyard.__file__).parents[1]


def effort(examples: int) -> settings:
    """Return how hard to try: so many cases, many more in a long run."""
    return settings(
        max_examples=examples * max(TIMES, 1),
        derandomize=not TIMES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        print_blob=True,
    )


class Judge:
    """A process of one Python that judges cases; another one takes the place of one that came to its end."""

    def __init__(self, python: str, whole: str, signers: str) -> None:
        self.python = python
        self._command = [python, "-W", "ignore", fuzz_child.__file__, str(SOURCE), whole]
        self._environment = {"PATH": os.defpath, "HOME": "/nonexistent", "TZ": "UTC", "WHEELYARD_FUZZ_SIGNERS": signers}
        self._process: subprocess.Popen[str] | None = None

    def __repr__(self) -> str:
        return f"Judge({self.python})"

    def __call__(self, kind: str, content: bytes) -> str:
        """Return the verdict: ``ok: …`` with a digest of what was read, or ``refused: …``.

        Anything else, also a process that the system ended, fails the test.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([kind, base64.b64encode(content).decode()]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            ended = self.end()
            raise AssertionError(f"{kind}: {self.python} was ended with {ended}: it took too much time, or crashed")
        said: str = json.loads(line)
        assert said.startswith(("ok: ", "refused: ")), f"{kind}: {self.python}: {said}"
        return said

    def end(self) -> int:
        """End the process, if there is one, and return its code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        process.communicate()
        return process.returncode


class Judges:
    """Several Pythons that must come to the same verdict."""

    def __init__(self, judges: Sequence[Judge]) -> None:
        self._judges = judges

    def each(self) -> Sequence[Judge]:
        """Return them one by one, for what may differ between them."""
        return self._judges

    def __call__(self, kind: str, content: bytes) -> str:
        """Return the one verdict of all."""
        said = {judge.python: judge(kind, content) for judge in self._judges}
        assert len(set(said.values())) == 1, said
        return next(iter(said.values()))


@contextmanager
def host_judges(signers: str = "") -> Iterator[Judges]:
    """Yield the oldest Python of hosts, the newest, and this one."""
    judges = [Judge(each, "host", json.dumps(signers)) for each in (need("3.6"), need("3.13"), sys.executable)]
    try:
        yield Judges(judges)
    finally:
        for judge in judges:
            judge.end()


@contextmanager
def own_judge() -> Iterator[Judge]:
    """Yield this Python with the whole package."""
    judge = Judge(sys.executable, "all", json.dumps(""))
    try:
        yield judge
    finally:
        judge.end()
