"""Proof on this machine: a clean environment of the target's Python, its own pip, no network."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from wheelyard.build import environment
from wheelyard.build.model import Limits, Sandbox
from wheelyard.build.workspace import SYSTEM_PATH
from wheelyard.doors import files
from wheelyard.doors.run import Completed
from wheelyard.errors import WheelyardError
from wheelyard.prove import inside
from wheelyard.prove.model import Proof
from wheelyard.targets.interpreters import Interpreter

_RULES = 1
"""Goes into the key of a proof: raise it when what is done for one changes."""

_LIMITS = Limits(seconds=3600, memory=64 << 30, processes=4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be proven: the content of one target's folder."""

    folder: str
    """Name of the folder, as in ``Proof.target``."""
    wheels: Mapping[str, Path]
    """Every wheel of the folder by file name (blobs of the store)."""
    requirements_txt: str
    modules: Mapping[str, Sequence[str]]
    """Modules to import, by the project that brings them."""
    pip: tuple[str, Path]
    """File name and blob of the pip that the host has."""
    carried_pip: str | None = None
    """Version of the pip that the host must install from the folder first."""


def proof_key(subject: Subject, interpreter: Interpreter) -> str:
    """Return the digest of everything that a proof depends on: the same key needs no second proof."""
    facts = [
        _RULES,
        subject.folder,
        subject.requirements_txt,
        sorted(subject.wheels),
        {name: list(modules) for name, modules in subject.modules.items()},
        subject.pip[0],
        subject.carried_pip,
        interpreter.version,
        interpreter.platform,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def prove(subject: Subject, interpreter: Interpreter, *, sandbox: Sandbox, scratch: Path, log: Path) -> Proof:
    """Install the whole folder with its own lock and import every module; never raises for what the wheels do.

    :param scratch: an empty folder to work in.
    """
    proof = Proof(
        target=subject.folder,
        outcome="failed",
        reason="",
        python=interpreter.version,
        pip=subject.carried_pip or subject.pip[0].split("-")[1],
        key=proof_key(subject, interpreter),
    )
    log.unlink(missing_ok=True)
    return conclude(
        proof,
        subject,
        lambda: _Place.make(subject, interpreter, sandbox=sandbox, scratch=scratch, log=log),
        reason=f"installed and imported in a clean environment without {_cut(sandbox)}",
    )


class Place(Protocol):
    """Where a folder is installed and imported for a proof."""

    def install(self, subject: Subject) -> str | None:
        """Install as the host's user would; return what went wrong, or None."""
        ...

    def import_all(self, modules: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
        """Import every module; return what failed, in words, and how many were imported."""
        ...


def conclude(proof: Proof, subject: Subject, make: Callable[[], Place], *, reason: str) -> Proof:
    """Return the proof with its outcome; never raises for what the wheels do.

    :param proof: as it is if it fails.
    :param make: gives the place, which may already fail.
    :param reason: what was done, in words, if all of it works.
    """
    try:
        place = make()
        problem = place.install(subject)
        if problem is None:
            failed, imported = place.import_all(subject.modules)
            problem = "; ".join(failed[:5]) if failed else None
            proof = replace(proof, imported=imported)
    except WheelyardError as error:
        problem = str(error)
    if problem is not None:
        return replace(proof, reason=problem)
    return replace(proof, outcome="proven", reason=reason, installed=len(subject.wheels))


def _cut(sandbox: Sandbox) -> str:
    return {"full": "network or other files", "network": "network", "none": "an index (the network was not cut)"}[
        sandbox.isolation
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A scratch folder with an environment, the wheels and the lock in it."""

    root: Path
    python: Path
    sandbox: Sandbox
    readable: tuple[Path, ...]
    log: Path

    @classmethod
    def make(cls, subject: Subject, interpreter: Interpreter, *, sandbox: Sandbox, scratch: Path, log: Path) -> _Place:
        """Lay out the folder as the host will see it, and an empty environment with the host's pip."""
        wheels = scratch / "wheels"
        wheels.mkdir()
        for filename, blob in subject.wheels.items():
            link(blob, wheels / filename)
        files.write(wheels / "requirements.txt", subject.requirements_txt, sync=False)
        work = scratch / "work"
        work.mkdir()
        files.write(work / "inside.py", Path(inside.__file__).read_bytes(), sync=False)
        python = environment.create(
            work / "env", Path(interpreter.path), {subject.pip[0]: subject.pip[1]}, sandbox, log=log, root=work
        )
        readable = (wheels, *environment.interpreter_folders(Path(interpreter.path)))
        return cls(root=scratch, python=python, sandbox=sandbox, readable=readable, log=log)

    def install(self, subject: Subject) -> str | None:
        """Install with the host's pip as its user would; return what went wrong, or None."""
        offline = ("--no-index", "-f", str(self.root / "wheels"), "--no-cache-dir", "--disable-pip-version-check")
        steps: list[tuple[str, tuple[str, ...]]] = []
        if subject.carried_pip:
            steps.append(("the carried pip does not install", ("install", *offline, f"pip=={subject.carried_pip}")))
        lock = str(self.root / "wheels" / "requirements.txt")
        steps.append(("does not install", ("install", *offline, "--require-hashes", "-r", lock)))
        steps.append(("the set is inconsistent", ("check",)))
        for problem, arguments in steps:
            done = self._run("-m", "pip", *arguments)
            if done.returncode != 0:
                return f"{problem}: {last_words(done.output)}"
        return None

    def import_all(self, modules: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
        """Import every module; return what failed, in words, and how many were imported."""
        listing = self.root / "work" / "modules.json"
        write_listing(modules, listing)
        return read_results(modules, self._run(str(self.root / "work" / "inside.py"), str(listing)))

    def _run(self, *arguments: str) -> Completed:
        work = self.root / "work"
        variables = {
            "PATH": f"{self.python.parent}{os.pathsep}{SYSTEM_PATH}",
            "HOME": str(work),
            "TMPDIR": str(work),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return self.sandbox.run(
            (str(self.python), *arguments),
            cwd=work,
            env=variables,
            readable=self.readable,
            writable=(work,),
            limits=_LIMITS,
            log=self.log,
        )


def write_listing(modules: Mapping[str, Sequence[str]], place: Path) -> None:
    """Write what ``inside.py`` reads: the modules to import, by the project that brings them."""
    files.write(place, json.dumps(sorted(name for names in modules.values() for name in names)), sync=False)


def read_results(modules: Mapping[str, Sequence[str]], done: Completed) -> tuple[list[str], int]:
    """Read what ``inside.py`` printed: return what failed, in words, and how many were imported."""
    owners = {module: project for project, names in modules.items() for module in names}
    try:
        results = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return [f"the import test did not run: {last_words(done.output)}"], 0
    failed = [f"{owners[name]}: import {name}: {error}" for name, error in sorted(results.items()) if error]
    return failed, len(results) - len(failed)


def link(blob: Path, place: Path) -> None:
    """Give a blob its name without copying it, where one file system allows that."""
    try:
        os.link(blob, place)
    except OSError:
        files.copy(blob, place, sync=False)


def last_words(output: str) -> str:
    """Return the line of pip's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "Error" in line or "has requirement" in line]
    return (telling or lines or ["no message"])[-1]
