"""Proof of a variant: where its folder is proven, the BLAS that is loaded is the one that was asked for, and works."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from wheelyard.domain.errors import ToolError
from wheelyard.io import beneath, files
from wheelyard.prove import blas_probe
from wheelyard.prove.model import BlasQuestion
from wheelyard.prove.place import Place, last_words
from wheelyard.variants import identity
from wheelyard.variants.book import builtin
from wheelyard.variants.model import Variant

TOLERANCE = 1e-12
"""Of eigenvalues between 0 and 4, found of a matrix of order 64; products of whole numbers have to be exact."""

_MOST = 2 << 30
"""Bytes of an object that is read."""


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
    cpus: int = 0
    """How many CPUs the process might use."""

    @property
    def words(self) -> str:
        """What was found, in one line for people."""
        found = [", ".join(f"{name} in {path}" for path, name in self.loaded.items()) or "no BLAS"]
        found.append("dgemm and eigh are right" if self.says else "nothing in it that could be asked to calculate")
        if self.threads and self.says:
            threads = ", ".join(f"{count} with {value}" for value, count in self.threads.items())
            found.append(f"threads: {threads}" if self.cpus > 1 else "threads: not compared, there is one CPU")
        return f"loaded: {'; '.join(found)}"


def look(place: Place, question: BlasQuestion) -> BlasProof:
    """Import the rebuilt modules together where their folder is installed, let them calculate, and judge the answers.

    Of a level that this CPU lacks, nothing may be installed, imported or run: who calls has seen to that.

    :raises ToolError: if threadpoolctl is not installed here.
    """
    folder = place.given / "blas"
    folder.mkdir(mode=0o755)
    files.write(folder / "inside_blas.py", Path(blas_probe.__file__).read_bytes(), sync=False)
    files.write(folder / "threadpoolctl.py", _threadpoolctl(), sync=False)
    library = builtin().libraries[question.variant.blas] if question.variant.blas else None
    variable = library.threads_variable if library else ""
    answers: dict[str, Mapping[str, Any]] = {}
    for value in ("1", "2") if variable else ("",):
        found = _ask(place, folder, question.modules, {variable: value} if variable else {})
        if isinstance(found, str):
            return BlasProof(faults=(found,))
        answers[value] = found
    return _judged(question.variant, answers, place.home)


def _ask(place: Place, folder: Path, modules: Sequence[str], variables: Mapping[str, str]) -> Mapping[str, Any] | str:
    """Run the script; return what it answers, or why it did not."""
    done = place.run(str(folder / "inside_blas.py"), str(place.home), *modules, variables=variables)
    try:
        answer = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return f"the calculation did not run: {last_words(done.output)}"
    return cast("Mapping[str, Any]", answer)


def _judged(variant: Variant, answers: Mapping[str, Mapping[str, Any]], home: Path) -> BlasProof:
    first = next(iter(answers.values()))
    loaded = _identified(first["loaded"], home)
    threads = {value: cast("int", answer["threads"]) for value, answer in answers.items() if value}
    faults = [
        *_wrong_blas(variant, loaded),
        *_wrong_answers(answers),
        *_wrong_threads(variant, threads, answers),
    ]
    return BlasProof(
        faults=tuple(dict.fromkeys(faults)),
        loaded={Path(path).name: ", ".join(sorted(names)) for path, names in loaded.items()},
        says={name: str(each["says"]) for name, each in first["answers"].items()},
        threads=threads,
        cpus=first["cpus"],
    )


def _identified(loaded: Mapping[str, str], home: Path) -> dict[str, frozenset[str]]:
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


def _wrong_blas(variant: Variant, loaded: Mapping[str, frozenset[str]]) -> list[str]:
    if variant.blas is None:
        return []
    every = {name for names in loaded.values() for name in names}
    chooses = builtin().libraries[variant.blas].chooses
    if not every or (chooses and variant.blas not in every):
        return [f"no BLAS is loaded, {variant.blas} should be"]
    strangers = set() if chooses else every - {variant.blas}
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
    threaded = variant.blas is not None and _threads_of(variant) != "sequential"
    found = [
        f"{Path(pool['filepath']).name} has {pool['num_threads']} threads where {value} are asked for"
        for value, answer in answers.items()
        for pool in answer["pools"]
        if value and pool["user_api"] == "blas" and pool["num_threads"] not in (None, int(value) if threaded else 1)
    ]
    if not threads or any(each["cpus"] < 2 or not each["answers"] for each in answers.values()):
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
