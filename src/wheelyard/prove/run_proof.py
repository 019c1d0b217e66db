"""A proof's steps, the same in every place: install, import, and ask what the choices of a variant want to know."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.proof import Finding, Probe, Proof
from wheelyard.io import files
from wheelyard.prove import import_probe
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
        if problem is None and subject.probes:
            found = [_ask(place, probe) for probe in subject.probes]
            problem = "; ".join(fault for each in found for fault in each.faults) or None
            reason = "; ".join((reason, *(each.words for each in found if each.words)))
    except WheelyardError as error:
        problem = str(error)
    if problem is not None:
        return replace(proof, reason=problem)
    return replace(proof, outcome="proven", reason=reason, installed=len(subject.wheels))


def _ask(place: Place, probe: Probe) -> Finding:
    """Run a probe's script and let it judge the answers; one that gives none is a fault."""
    folder = place.given / probe.name
    folder.mkdir(mode=0o755)
    for name, content in probe.files.items():
        files.write(folder / name, content, sync=False)
    answers: list[Any] = []
    for variables in probe.runs:
        done = place.run(str(folder / probe.script), str(place.home), *probe.arguments, variables=variables)
        try:
            answers.append(json.loads(done.output.strip().splitlines()[-1]))
        except (ValueError, IndexError):
            return Finding(faults=(f"the test of {probe.name} did not run: {last_words(done.output)}",))
    return probe.judge(answers, place.home)


def _import_all(place: Place, brought: Mapping[str, Bring]) -> tuple[Verdict, int]:
    """Import every module; return what those that failed come to, and how many were imported."""
    script, listing = place.given / "inside.py", place.given / "modules.json"
    files.write(script, Path(import_probe.__file__).read_bytes(), sync=False)
    files.write(listing, json.dumps(sorted({name for bring in brought.values() for name in bring.modules})), sync=False)
    done = place.run(str(script), str(listing))
    try:
        results = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return Verdict(blocking=(f"the import test did not run: {last_words(done.output)}",)), 0
    faults = {
        name: Fault(module=name, error=found[0], lacks=found[1]) for name, found in results.items() if found is not None
    }
    return judge(brought, faults), len(results) - len(faults)
