"""Proof of a variant: in the target's environment, the BLAS that is loaded is the one that was asked for, and works."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from wheelyard.build import environment
from wheelyard.build.model import Limits, Sandbox
from wheelyard.build.workspace import SYSTEM_PATH
from wheelyard.doors import files
from wheelyard.errors import ToolError
from wheelyard.events import JobFinished, JobStarted, Reporter
from wheelyard.prove import inside_blas
from wheelyard.prove.local import last_words
from wheelyard.prove.model import Proof
from wheelyard.store.model import Store
from wheelyard.targets.interpreters import Interpreter
from wheelyard.variants import identity, simd
from wheelyard.variants.book import builtin
from wheelyard.variants.model import Variant

TOLERANCE = 1e-12
"""Of eigenvalues between 0 and 4, found of a matrix of order 64; products of whole numbers have to be exact."""

_RULES = 1
"""Goes into the key of what was found: raise it when what is looked at changes."""

_LIMITS = Limits(seconds=900, memory=64 << 30, processes=4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be proven."""

    folder: str
    variant: Variant
    wheels: Mapping[str, Path]
    """Every wheel of the folder by file name (blobs of the store)."""
    modules: Sequence[str]
    """Modules of the rebuilt packages, to import together; numpy among them is asked to calculate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlasProof:
    """What was found."""

    folder: str
    faults: tuple[str, ...] = ()
    """What is not as asked for; none: proven, unless it was not run."""
    not_run: str = ""
    """Why it was not run: this CPU lacks the level."""
    loaded: Mapping[str, str] = field(default_factory=dict)
    """The objects with a BLAS in them that the process had loaded, and which BLAS it is."""
    says: Mapping[str, str] = field(default_factory=dict)
    """What each module says that it was built with."""
    threads: Mapping[str, int] = field(default_factory=dict)
    """How many threads the process had, by the value of the library's variable."""


def not_run_here(variant: Variant) -> str:
    """Return why a variant must not be run on this machine, as no code of it ever is then; empty if it can."""
    return simd.not_run_here(variant.simd) or ""


def amend(
    proof: Proof, subject: Subject, interpreter: Interpreter, *, store: Store, sandbox: Sandbox, report: Reporter
) -> Proof:
    """Return the proof of a variant's folder, which was proven to install and import, after its BLAS was looked at.

    What was found before of the same content is not looked at again.
    """
    job = f"{subject.folder}: BLAS"
    report(JobStarted(stage="prove", job=job))
    key = hashlib.sha256(f"{_RULES} {proof.key} {sorted(subject.variant.choice.items())}".encode()).hexdigest()
    place = store.area("proofs") / "blas" / key[:2] / f"{key}.json"
    if place.exists():
        report(JobFinished(stage="prove", job=job, outcome="reused", note=place.read_text()))
        return replace(proof, reason=f"{proof.reason}; {place.read_text()}")
    log = store.area("logs") / f"prove-blas-{subject.folder}.log"
    log.unlink(missing_ok=True)
    with store.scratch() as scratch:
        found = prove(subject, interpreter, sandbox=sandbox, scratch=scratch, log=log)
    if found.faults:
        report(JobFinished(stage="prove", job=job, outcome="failed", note=found.faults[0]))
        return replace(proof, outcome="failed", reason=f"{'; '.join(found.faults)} [log: {log}]")
    files.write(place, in_words(found))
    report(JobFinished(stage="prove", job=job, outcome="done", note=in_words(found)))
    return replace(proof, reason=f"{proof.reason}; {in_words(found)}")


def in_words(proof: BlasProof) -> str:
    """Return what was found in one line for people."""
    loaded = ", ".join(f"{name} in {path}" for path, name in proof.loaded.items()) or "no BLAS"
    threads = ", ".join(f"{count} with {value}" for value, count in proof.threads.items())
    return f"loaded: {loaded}; dgemm and eigh are right" + (f"; threads: {threads}" if threads else "")


def prove(subject: Subject, interpreter: Interpreter, *, sandbox: Sandbox, scratch: Path, log: Path) -> BlasProof:
    """Install the wheels into a clean environment, import the rebuilt modules together, and let them calculate.

    Code for a CPU that this is not is never run.

    :param scratch: an empty folder to work in.
    :raises ToolError: if the environment cannot be made.
    """
    if reason := simd.not_run_here(subject.variant.simd):
        return BlasProof(folder=subject.folder, not_run=reason)
    work = scratch / "work"
    work.mkdir()
    files.write(work / "inside_blas.py", Path(inside_blas.__file__).read_bytes(), sync=False)
    files.write(work / "threadpoolctl.py", _threadpoolctl(), sync=False)
    python = environment.create(work / "env", Path(interpreter.path), dict(subject.wheels), sandbox, log=log, root=work)
    library = builtin().libraries[subject.variant.blas] if subject.variant.blas else None
    variable = library.threads_variable if library else ""
    answers: dict[str, Mapping[str, Any]] = {}
    for value in ("1", "2") if variable else ("",):
        place = _Place(work=work, python=python, sandbox=sandbox, log=log, interpreter=Path(interpreter.path))
        found = place.ask(subject.modules, {variable: value} if variable else {})
        if isinstance(found, str):
            return BlasProof(folder=subject.folder, faults=(found,))
        answers[value] = found
    return _judged(subject, answers)


def _judged(subject: Subject, answers: Mapping[str, Mapping[str, Any]]) -> BlasProof:
    first = next(iter(answers.values()))
    loaded = _identified(first["loaded"])
    threads = {value: cast("int", answer["threads"]) for value, answer in answers.items() if value}
    faults = [
        *_wrong_blas(subject.variant, loaded),
        *_wrong_answers(answers),
        *_wrong_threads(subject.variant, threads, answers),
    ]
    return BlasProof(
        folder=subject.folder,
        faults=tuple(dict.fromkeys(faults)),
        loaded={Path(path).name: ", ".join(sorted(names)) for path, names in loaded.items()},
        says={name: str(each["says"]) for name, each in first["answers"].items()},
        threads=threads,
    )


def _identified(paths: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return which BLAS is in which of the loaded objects: read from the files themselves."""
    found = {}
    for path in paths:
        try:
            names = identity.identify(Path(path).read_bytes())
        except OSError:
            continue
        if names:
            found[path] = names
    return found


def _wrong_blas(variant: Variant, loaded: Mapping[str, frozenset[str]]) -> list[str]:
    if variant.blas is None:
        return []
    every = {name for names in loaded.values() for name in names}
    if not every:
        return [f"no BLAS is loaded, {variant.blas} should be"]
    strangers = every - {variant.blas}
    where = [Path(path).name for path, names in loaded.items() if names & strangers]
    return [f"{', '.join(sorted(strangers))} is loaded ({', '.join(where)})"] if strangers else []


def _wrong_answers(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for answer in answers.values():
        for name, each in answer["answers"].items():
            if each["dgemm"] != 0.0:
                found.append(f"{name}: dgemm is off by {each['dgemm']:.3g} where it is exact")
            if not each["eigh"] <= TOLERANCE:
                found.append(f"{name}: eigenvalues are off by {each['eigh']:.3g}")
    return found


def _wrong_threads(variant: Variant, threads: Mapping[str, int], answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Compare the library's variable with the threads that threadpoolctl tells, and that the kernel counts."""
    found = [
        f"{Path(pool['filepath']).name} has {pool['num_threads']} threads where {value} are asked for"
        for value, answer in answers.items()
        for pool in answer["pools"]
        if value and pool["user_api"] == "blas" and pool["num_threads"] not in (None, int(value))
    ]
    threaded = variant.blas is not None and _threads_of(variant) != "sequential"
    if not threads or len(os.sched_getaffinity(0)) < 2 or not any(each["answers"] for each in answers.values()):
        return found
    if threaded and threads["2"] != threads["1"] + 1:
        found.append(f"asked for 1 and 2 threads, the process had {threads['1']} and {threads['2']}")
    if not threaded and threads["2"] != threads["1"]:
        found.append(f"asked for no threads, the process had {threads['2']}")
    return found


def _threads_of(variant: Variant) -> str:
    return variant.threads or builtin().libraries[variant.blas or ""].sources[0].threads


def _threadpoolctl() -> bytes:
    """Return the one file that threadpoolctl is."""
    found = importlib.util.find_spec("threadpoolctl")
    if found is None or found.origin is None:
        raise ToolError("threadpoolctl is not installed", hint="pip install threadpoolctl")
    return Path(found.origin).read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A clean environment, and how to run something in it."""

    work: Path
    python: Path
    sandbox: Sandbox
    log: Path
    interpreter: Path

    def ask(self, modules: Sequence[str], variables: Mapping[str, str]) -> Mapping[str, Any] | str:
        """Run the script; return what it answers, or why it did not."""
        done = self.sandbox.run(
            (str(self.python), str(self.work / "inside_blas.py"), *modules),
            cwd=self.work,
            env={
                "PATH": f"{self.python.parent}{os.pathsep}{SYSTEM_PATH}",
                "HOME": str(self.work),
                "TMPDIR": str(self.work),
                "LANG": "C.UTF-8",
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            readable=environment.interpreter_folders(self.interpreter),
            writable=(self.work,),
            limits=_LIMITS,
            log=self.log,
        )
        try:
            answer = json.loads(done.output.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return f"the calculation did not run: {last_words(done.output)}"
        return cast("Mapping[str, Any]", answer)
