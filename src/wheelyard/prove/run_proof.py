"""A proof's steps, the same in every place: install, import, and for a variant look at its BLAS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.proof import Proof
from wheelyard.io import files
from wheelyard.prove import blas, import_probe
from wheelyard.prove.judge import Fault, Verdict, judge
from wheelyard.prove.model import Bring, Subject
from wheelyard.prove.place import Place, last_words


def run_proof(proof: Proof, subject: Subject, make: Callable[[], Place], *, reason: str) -> Proof:
    """Return the proof with its outcome; never raises for what the wheels do.

    :param proof: as it is if it fails.
    :param make: gives the place, which may already fail.
    :param reason: what was done, in words, if all of it works.
    """
    try:
        place = make()
        problem = place.install(subject)
        if problem is None:
            verdict, imported = _import_all(place, subject.brought)
            problem = "; ".join(verdict.blocking) or None
            proof = replace(proof, imported=imported, told=verdict.told, hint=verdict.hint)
        if problem is None and subject.blas is not None:
            found = blas.look(place, subject.blas)
            problem = "; ".join(found.faults) if found.faults else None
            reason = f"{reason}; {found.words}"
    except WheelyardError as error:
        problem = str(error)
    if problem is not None:
        return replace(proof, reason=problem)
    return replace(proof, outcome="proven", reason=reason, installed=len(subject.wheels))


def _import_all(place: Place, brought: Mapping[str, Bring]) -> tuple[Verdict, int]:
    """Import every module; return what those that failed come to, and how many were imported."""
    script, listing = place.given / "inside.py", place.given / "modules.json"
    files.write(script, Path(import_probe.__file__).read_bytes(), sync=False)
    files.write(listing, json.dumps(sorted({name for each in brought.values() for name in each.modules})), sync=False)
    done = place.run(str(script), str(listing))
    try:
        results = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return Verdict(blocking=(f"the import test did not run: {last_words(done.output)}",)), 0
    faults = {
        name: Fault(module=name, error=found[0], lacks=found[1]) for name, found in results.items() if found is not None
    }
    return judge(brought, faults), len(results) - len(faults)
