"""The walk: a command is run again and again, with a fault at each of its calls in turn, and judged after each.

A scenario says what there is before, which command is run, and what readers see of it. After a fault that must be the
old state or the new one, and sound; the same command, run again, must complete it and leave nothing else behind than
a run without a fault does.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.starting import Call, Fault, Run, Starter, copy

_STORAGE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A command, and how what it did is judged."""

    command: str
    """As the table names it."""
    program: Callable[[Path], str]
    """Make what is run in a folder, and return its path; or return the name of a module."""
    arguments: tuple[str, ...]
    """``{}`` stands for the folder of the scenario."""
    prepare: Callable[[Path], None]
    """Make the state before, in a folder."""
    state: Callable[[Path], object]
    """What readers see: one value for each state."""
    unsound: Callable[[Path], list[str]] = lambda folder: []
    """What is wrong with what readers see."""
    lessons: Callable[[Path], Mapping[str, object]] = lambda folder: {}
    """What must never be forgotten: sets, which only grow, or numbers and texts, which only rise."""
    listed: Callable[[str, Path], str | None] = lambda name, path: None
    """What counts of a file whose content differs from run to run; None: all of it; empty: nothing."""
    looks: tuple[str, ...] = ()
    """A run that tidies up before it looks: readers are judged after it. Empty: they see what lies there."""
    codes: tuple[int, ...] = ()
    """Other exit codes with which a full or broken disk may be told."""
    inputs: tuple[int, ...] = ()
    """Exit codes with which may be told that an input cannot be read."""
    dear: bool = False
    """Whether a run takes seconds, most of them pip's: then not every call is walked."""
    once: bool = False
    """Whether the command, run again after it did its work, would do more."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the table: what came of all calls of a command, for one fault."""

    command: str
    python: str
    fault: Fault
    calls: int = 0
    walked: int = 0
    old: int = 0
    new: int = 0
    completed: int = 0
    problems: list[str] = field(default_factory=list)


def listing(folder: Path, scenario: Scenario) -> dict[str, str]:
    """Return path → kind and content of everything that lies in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder" if scenario.listed(name, path) is None else ""
        else:
            text = scenario.listed(name, path)
            found[name] = text if text is not None else hashlib.sha256(path.read_bytes()).hexdigest()
    return {name: text for name, text in found.items() if text}


def identity(folder: Path) -> str:
    """Return what tells two folders apart, all but the times of their files."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        inside = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        content.update(repr((str(path.relative_to(folder)), kind, inside)).encode())
    return content.hexdigest()


def forgotten(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return what was known before and is not any more."""
    gone = []
    for name, value in before.items():
        there = now.get(name)
        kept = there is not None and (set(value) <= set(there) if isinstance(value, Collection) else there >= value)  # type: ignore[call-overload, operator]
        if not kept:
            gone.append(f"{name} was {value}, is {there}")
    return gone


class Walk:
    """A scenario on one Python, ready to be walked."""

    def __init__(self, scenario: Scenario, python: str | None, root: Path) -> None:
        self.scenario = scenario
        self.python = python or sys.executable
        self.case = root / "case"
        self._prepared = root / "prepared"
        self._temporary = root / "tmp"
        self._temporary.mkdir()
        self._prepared.mkdir()
        self.case.mkdir()
        scenario.prepare(self.case)
        copy(self.case, self._prepared)
        self.old = scenario.state(self.case)
        self.before = scenario.lessons(self.case)
        (root / "program").mkdir()
        self._starter = Starter(self.python, scenario.program(root / "program"), root)
        self._fresh()
        done = self._run(warm=True)
        assert done.code == 0, (scenario.command, done)
        self.new = scenario.state(self.case)
        assert self.new != self.old, f"{scenario.command} changes nothing"
        assert not scenario.unsound(self.case), scenario.unsound(self.case)
        self.after = scenario.lessons(self.case)
        self._listing = listing(self.case, scenario)
        self._next: dict[str, list[str]] = {}

    def close(self) -> None:
        """End the waiting Python."""
        self._starter.__exit__(None, None, None)

    def _fresh(self) -> None:
        copy(self._prepared, self.case)
        empty(self._temporary)

    def _run(
        self, fault: Fault | None = None, at: int = 0, *, warm: bool = False, arguments: tuple[str, ...] = ()
    ) -> Run:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.case / "home"),
            "TMPDIR": str(self._temporary),
            "LANG": "C.UTF-8",
            **{name: value.format(self.case) for name, value in self.scenario.environment.items()},
        }
        given = [argument.format(self.case) for argument in arguments or self.scenario.arguments]
        return self._starter.run(given, folder=self.case, environment=environment, fault=fault, at=at, warm=warm)

    def calls(self, fault: Fault) -> dict[int, Call]:
        """Return the calls at which a fault may come, by their ordinals."""
        self._fresh()
        made = self._run(fault)
        assert made.code == 0, made
        numbered = dict(enumerate(made.calls, 1))
        if fault == "full":
            return {number: call for number, call in numbered.items() if call.takes_room}
        if fault == "torn":
            return {number: call for number, call in numbered.items() if call.name == "write"}
        return numbered

    def walk(self, fault: Fault, chosen: Callable[[Collection[int]], Collection[int]] = lambda numbers: numbers) -> Row:
        """Let the fault come at each call, or at those that are chosen out of their ordinals."""
        row = Row(command=self.scenario.command, python=version_of(self.python), fault=fault)
        calls = self.calls(fault)
        row.calls = len(calls)
        for number in chosen(calls.keys()):
            for problem in self._step(row, fault, number):
                call = calls[number]
                row.problems.append(f"{fault} at call {number}, {call.name} {call.path}: {problem}")
        return row

    def _step(self, row: Row, fault: Fault, number: int) -> Iterator[str]:
        self._fresh()
        done = self._run(fault, number)
        row.walked += 1
        if not done.hit:
            yield "the call did not come"
        if self.scenario.looks:
            looked = self._run(arguments=self.scenario.looks)
            if looked.code != 0:
                yield f"the look ended with {looked.code}: {looked.err[-300:]}"
        state = self.scenario.state(self.case)
        row.old += state == self.old
        row.new += state == self.new
        if state not in (self.old, self.new):
            yield f"neither old nor new: {difference(self.old, self.new, state)}"
        yield from self.scenario.unsound(self.case)
        yield from forgotten(self.after if state == self.new else self.before, self.scenario.lessons(self.case))
        if fault in ("kill", "torn"):
            if done.code != -9:
                yield f"ended with {done.code}: {done.err[-300:]}"
        else:
            inputs = self.scenario.inputs if fault in ("broken", "interrupted") else ()
            yield from self._told(done, state, {0, _STORAGE, *self.scenario.codes, *inputs})
        empty(self._temporary)  # the system's; a killed process cannot clean it up
        if self.scenario.once and state == self.new:
            row.completed += 1
            return
        left = identity(self.case)  # many faults leave the same: then the next run does the same
        if left not in self._next:
            self._next[left] = list(self._judge_next())
        row.completed += not self._next[left]
        yield from self._next[left]

    def _judge_next(self) -> Iterator[str]:
        """Run the command once more, and judge what it leaves."""
        again = self._run()
        if again.code != 0:
            yield f"the next run ended with {again.code}: {again.err[-300:]}"
        elif self.scenario.state(self.case) != self.new or self.scenario.unsound(self.case):
            yield "the next run did not complete it"
        elif left := {*listing(self.case, self.scenario).items()} ^ {*self._listing.items()}:
            yield f"the next run left other things behind: {sorted(left)[:6]}"

    def _told(self, done: Run, state: object, codes: Collection[int]) -> Iterator[str]:
        """Judge how a failure was told."""
        if done.code == 0 and state != self.new:
            yield "it says that it is done, but it is not"
        if done.code not in codes:
            yield f"ended with {done.code}: {done.err[-300:]}"
        lines = done.err.strip().splitlines()
        if "Traceback" in done.err or (done.code and len(lines) != 1):
            yield f"told with {len(lines)} lines: {done.err[-600:]}"
        if left := sorted(path.name for path in self._temporary.iterdir() if not path.name.startswith("pip-")):
            yield f"left in the folder for temporary files: {left}"


@functools.cache
def version_of(python: str) -> str:
    """Return the version of an interpreter, X.Y."""
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def difference(old: object, new: object, state: object) -> str:
    """Say in short how a state differs from both."""
    if isinstance(old, dict) and isinstance(new, dict) and isinstance(state, dict):
        parts = []
        for name in sorted({*old, *new, *state}):
            if not old.get(name) == new.get(name) == state.get(name):
                kinds = [word for word, each in (("old", old), ("new", new)) if each.get(name) == state.get(name)]
                parts.append(f"{name}: {' '.join(kinds) or state.get(name)}")
        return ", ".join(parts[:8])
    return str(state)[:300]


def empty(folder: Path) -> None:
    """Empty a folder."""
    shutil.rmtree(folder)
    folder.mkdir()


@contextmanager
def prepared(scenario: Scenario, python: str | None = None) -> Iterator[Walk]:
    """Yield a walk in a folder of its own, in memory where there is such a place.

    :param python: an interpreter; None: the one that runs this.
    """
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="wheelyard-walk-", dir=memory) as folder:
        made = Walk(scenario, python, Path(folder).resolve())
        try:
            yield made
        finally:
            made.close()
