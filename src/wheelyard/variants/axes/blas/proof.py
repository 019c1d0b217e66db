"""Proof of a variant: where its folder is proven, the BLAS that is loaded is the one that was asked for, and works."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from wheelyard.domain.errors import ToolError
from wheelyard.domain.proof import Finding, Probe
from wheelyard.io import beneath
from wheelyard.variants.axes.blas import identity, inside
from wheelyard.variants.axes.blas.check import COPIES, strangers
from wheelyard.variants.axes.blas.libraries import libraries
from wheelyard.variants.axes.protocol import Choice

TOLERANCE = 1e-12
"""Of eigenvalues between 0 and 4, found of a matrix of order 64; products of whole numbers have to be exact."""

_OPENMP = re.compile(r"lib(gomp|omp|iomp5)\b(?=[-.])")

_MOST = 2 << 30
"""Bytes of an object that is read."""
_RULES = 3
"""Goes into the key of a proof: raise it when what is looked at of a BLAS changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlasProof:
    """What was found."""

    faults: tuple[str, ...] = ()
    """What is not as asked for; none: proven."""
    loaded: Mapping[str, str] = field(default_factory=dict)
    """The objects with a BLAS in them that the process had loaded, and which BLAS it is."""
    says: Mapping[str, str] = field(default_factory=dict)
    """What each module that calculated says that it was built with."""
    threads: Mapping[str, int] = field(default_factory=dict)
    """How many threads the process had, by the value of the library's variable."""
    openmp: Mapping[str, str] = field(default_factory=dict)
    """The OpenMP runtimes that the process had loaded, by their kind the file's name."""
    cpus: int = 0
    """How many CPUs the process might use."""
    checked: bool = False
    """Whether something calculates by a check of its own."""

    @property
    def words(self) -> str:
        """What was found, in one line for people."""
        found = [", ".join(f"{name} in {path}" for path, name in self.loaded.items()) or "no BLAS"]
        if self.says:
            found.append(f"dgemm and eigh are right in {' and '.join(self.says)}")
        elif not self.checked:
            found.append("loaded only, nothing was calculated: [packages.NAME] check says what to calculate")
        if self.threads and self.says:
            threads = ", ".join(f"{count} with {value}" for value, count in self.threads.items())
            found.append(f"threads: {threads}" if self.cpus > 1 else "threads: not compared, there is one CPU")
        if len(self.openmp) > 1:
            both = " and ".join(self.openmp.values())
            found.append(f"two OpenMP runtimes in one process: {both}, each with threads of its own")
        return f"loaded: {'; '.join(found)}"


def probe(choice: Choice, modules: Sequence[str], *, checked: bool = False) -> Probe:
    """Return what is asked of a folder: import the rebuilt modules together, and let them calculate.

    :param modules: of the rebuilt packages; numpy among them is asked to calculate.
    :param checked: whether one of the packages calculates by a check of its own.
    :raises ToolError: if threadpoolctl is not installed here.
    """
    variable = libraries()[choice["blas"]].threads_variable
    values = ("1", "2") if variable else ("",)

    def judge(answers: Sequence[Any], home: Path) -> Finding:
        found = replace(judged(choice, dict(zip(values, answers, strict=True)), home), checked=checked)
        return Finding(faults=found.faults, words=found.words)

    return Probe(
        name="blas",
        script="inside_blas.py",
        files={
            "inside_blas.py": Path(inside.__file__).read_bytes(),
            "threadpoolctl.py": _threadpoolctl(),
        },
        arguments=tuple(modules),
        runs=tuple({variable: value} if value else {} for value in values),
        judge=judge,
        facts=(_RULES, dict(choice), list(modules), checked),
    )


def judged(choice: Choice, answers: Mapping[str, Mapping[str, Any]], home: Path) -> BlasProof:
    """Return what the answers come to.

    :param answers: by the value of the library's variable for threads.
    :param home: where they were given: nothing outside of it is read.
    """
    first = next(iter(answers.values()))
    loaded = identified(first["loaded"], home)
    threads = {value: cast("int", answer["threads"]) for value, answer in answers.items() if value}
    faults = [
        *_wrong_blas(choice, loaded),
        *_wrong_answers(answers),
        *_wrong_threads(choice, threads, answers, copies=len(loaded)),
    ]
    return BlasProof(
        faults=tuple(dict.fromkeys(faults)),
        loaded={Path(path).name: ", ".join(sorted(names)) for path, names in loaded.items()},
        says={name: str(each["says"]) for name, each in first["answers"].items()},
        threads=threads,
        openmp=openmp_of(first["loaded"]),
        cpus=first["cpus"],
    )


def identified(loaded: Mapping[str, str], home: Path) -> dict[str, frozenset[str]]:
    """Return which BLAS is in which of the loaded objects: read from the files themselves, or what was kept of them.

    :param loaded: from an object's path, which may be an image's, to where it is to be read.
    :param home: nothing outside of it is read, whatever the process said.
    """
    found = {}
    for path, kept in loaded.items():
        place = Path(kept)
        for folder in {home, home.resolve()} & set(place.parents):
            with contextlib.suppress(beneath.NotPlainError):
                if names := identity.identify(beneath.read(folder, place.relative_to(folder), most=_MOST)):
                    found[path] = names
    return found


def openmp_of(loaded: Iterable[str]) -> dict[str, str]:
    """Return the OpenMP runtimes among the objects of a process: by their kind (``gomp``) the name of the file.

    By their names, which repair only lengthens by a digest: what calls a runtime has the names of its functions
    in it, too. Two of different kinds each start a thread a core, and may wait for each other behind a fork.
    """
    names = (Path(path).name for path in loaded)
    return {match[1]: name for name in names if (match := _OPENMP.match(name))}


def _wrong_blas(choice: Choice, loaded: Mapping[str, frozenset[str]]) -> list[str]:
    blas = choice["blas"]
    every = {name for names in loaded.values() for name in names}
    chooses = libraries()[blas].chooses
    if not every or (chooses and blas not in every):
        return [f"no BLAS is loaded, {blas} should be"]
    others = set() if chooses else strangers(choice, every)
    where = [Path(path).name for path, names in loaded.items() if names & others]
    return [f"{', '.join(sorted(others))} is loaded ({', '.join(where)})"] if others else []


def _wrong_answers(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for answer in answers.values():
        for name, each in answer["answers"].items():
            if each["dgemm"] != 0.0:
                found.append(f"{name}: dgemm is off by {each['dgemm']:.3g} where it is exact")
            if not each["eigh"] <= TOLERANCE:
                found.append(f"{name}: eigenvalues are off by {each['eigh']:.3g}")
    return found


def _wrong_threads(
    choice: Choice, threads: Mapping[str, int], answers: Mapping[str, Mapping[str, Any]], *, copies: int
) -> list[str]:
    """Compare the library's variable with the threads that threadpoolctl tells, and that the kernel counts.

    :param copies: how many objects with a BLAS are loaded: where copies are allowed, each has threads of its own.
    """
    threaded = _threads_of(choice) != "sequential"
    found = [
        f"{Path(pool['filepath']).name} has {pool['num_threads']} threads where {value} are asked for"
        for value, answer in answers.items()
        for pool in answer["pools"]
        if value and pool["user_api"] == "blas" and pool["num_threads"] not in (None, int(value) if threaded else 1)
    ]
    if not threads or any(reply["cpus"] < 2 or not reply["answers"] for reply in answers.values()):
        return found
    most = copies if COPIES in choice else 1
    if threaded and not 1 <= threads["2"] - threads["1"] <= most:
        found.append(f"asked for 1 and 2 threads, the process had {threads['1']} and {threads['2']}")
    if not threaded and threads["2"] != threads["1"]:
        found.append(f"asked for no threads, the process had {threads['2']}")
    return found


def _threads_of(choice: Choice) -> str:
    return choice.get("threads") or libraries()[choice["blas"]].sources[0].threads


def _threadpoolctl() -> bytes:
    """Return the one file that threadpoolctl is."""
    found = importlib.util.find_spec("threadpoolctl")
    if found is None or found.origin is None:
        raise ToolError("threadpoolctl is not installed", hint="pip install threadpoolctl")
    return Path(found.origin).read_bytes()
