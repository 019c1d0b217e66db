"""The stage: every folder that can be proven here is proven, once; the others say why not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import ToolError, WheelyardError
from wheelyard.domain.events import JobFinished, JobStarted, Reporter, StageFinished, StageStarted
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.proof import Probe, Proof
from wheelyard.domain.site import Entry
from wheelyard.domain.target import Target
from wheelyard.lock import requirements_txt
from wheelyard.prove import checks, container, local
from wheelyard.prove.judge import unasked
from wheelyard.prove.model import Bring, Subject
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import Store
from wheelyard.store.memo import keep, recall
from wheelyard.targets import cpus, interpreters
from wheelyard.targets.commands import Route, python_command
from wheelyard.targets.interpreters import Interpreter
from wheelyard.targets.tags import newest_pip, tags
from wheelyard.wheels.metadata import read_metadata
from wheelyard.wheels.objects.check import describe

_EDITION = "2"
"""Raise it when what is kept of a proof changes; what is asked is in its key."""

HostPip = Callable[[str], tuple[str, str]]
"""From a version of pip to the file name and SHA-256 of its wheel, which is then in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One folder to prove."""

    folder: FilledFolder
    imports: Mapping[str, Sequence[str]]
    """Modules to import instead of all, by project, where the configuration says so."""
    probes: tuple[Probe, ...] = ()
    """What is asked of a variant beside that it installs and imports."""
    not_run: str = ""
    """Why nothing of it may be run on this machine; empty: it may."""


def prove_all(
    questions: Sequence[Question],
    *,
    store: Store,
    sandbox: Callable[[], Sandbox],
    hosts: Callable[[Target], container.Host | None],
    host_pip: HostPip,
    report: Reporter,
    failed: Callable[[str, WheelyardError], None],
) -> dict[str, Proof]:
    """Return a proof for every folder, two at a time; one that was proven before with the same content is reused.

    Proven in a container where the target names an image of its hosts, or where this machine cannot stand for one;
    else on this machine. An image for another CPU is used where this machine emulates it. Never raises for what a wheel
    does: a proof that failed says so.

    :param failed: is told, from several threads, of a folder for which there is no proof: the image that its target
        names cannot be had, and its programs would start here; or the index has no such pip.
    """
    report(StageStarted(stage="prove", jobs=len(questions)))
    stage = _Stage(store=store, sandbox=sandbox, hosts=hosts, host_pip=host_pip)

    def one(question: Question) -> Proof | None:
        report(JobStarted(stage="prove", job=question.folder.name, log=str(_log(store, question))))
        try:
            proof, reused = stage.prove(question)
        except WheelyardError as error:
            report(JobFinished(stage="prove", job=question.folder.name, outcome="failed", note=error.message))
            failed(question.folder.name, error)
            return None
        outcome = {"proven": "reused" if reused else "done", "failed": "failed", "not run": "skipped"}[proof.outcome]
        report(JobFinished(stage="prove", job=question.folder.name, outcome=outcome, note=proof.reason))  # type: ignore[arg-type]  # a literal of the table above
        return proof

    with ThreadPoolExecutor(2, thread_name_prefix="prove") as pool:
        proofs = [proof for proof in pool.map(one, questions) if proof is not None]
    report(StageFinished(stage="prove"))
    return {proof.target: proof for proof in proofs}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    store: Store
    sandbox: Callable[[], Sandbox]
    hosts: Callable[[Target], container.Host | None]
    host_pip: HostPip

    def prove(self, question: Question) -> tuple[Proof, bool]:
        """Return the proof, and whether it was there already; what must not be run here is not even installed."""
        if question.not_run:
            return Proof(
                target=question.folder.name, outcome="not run", reason=f"not run here: {question.not_run}"
            ), False
        interpreter = interpreters.find(question.folder.target)
        reason = plain = _why_not(interpreter, question)
        host = None
        if question.folder.target.build.host_image or reason:
            try:
                host = self.hosts(question.folder.target)
            except ToolError as error:
                if question.folder.target.build.host_image and cpus.starts(question.folder.target.machine):
                    raise
                plain = f"{reason}, and no image of such a host could be had"
                reason = f"{reason}, and no container can be had: {error}"
        if host is not None:
            subject = self._subject(question)
            in_container = functools.partial(container.prove, subject, host)
            return self._prove(question, container.proof_key(subject, host), in_container)
        if interpreter is None or reason:
            seen = describe(checks.of_folder(question.folder, store=self.store))
            proof = Proof(
                target=question.folder.name, outcome="not run", reason=f"{seen} ({reason})", plain=f"{seen} ({plain})"
            )
            return proof, False
        subject = self._subject(question)

        def here(*, scratch: Path, log: Path) -> Proof:
            return local.prove(subject, interpreter, sandbox=self.sandbox(), scratch=scratch, log=log)

        return self._prove(question, local.proof_key(subject, interpreter), here)

    def _prove(self, question: Question, key: str, prove: Callable[..., Proof]) -> tuple[Proof, bool]:
        """Return the proof of this key: the known one, else what ``prove`` says, kept if it is good."""
        known = recall(self.store, "proofs", _EDITION, key, load=_load)
        if known is not None:
            return known, True
        log = _log(self.store, question)
        with self.store.scratch() as scratch:
            proof = prove(scratch=scratch, log=log)
        if proof.outcome == "proven":
            keep(self.store, "proofs", _EDITION, proof.key, asdict(proof))
            return proof, False
        return replace(proof, reason=f"{proof.reason} [log: {log}]"), False

    def _subject(self, question: Question) -> Subject:
        version = question.folder.target.pip or newest_pip(question.folder.target.python)
        filename, sha256 = self.host_pip(version)
        folder = question.folder
        wheels = {entry.wheel.filename: self.store.path(entry.wheel.sha256) for entry in folder.entries}
        if folder.pip is not None:
            wheels[folder.pip.filename] = self.store.path(folder.pip.sha256)
        return Subject(
            folder=folder.name,
            wheels=wheels,
            requirements_txt=requirements_txt.dumps(folder.lock),
            brought={entry.wheel.name: self._bring(entry, question) for entry in folder.entries},
            pip=(filename, self.store.path(sha256)),
            route=Route(
                folder=folder.name,
                python=python_command(question.folder.target),
                managed=question.folder.target.externally_managed,
                pip=folder.pip.filename if folder.pip else None,
            ),
            probes=question.probes,
        )

    def _bring(self, entry: Entry, question: Question) -> Bring:
        name = entry.wheel.name
        if (chosen := question.imports.get(name)) is not None:
            return Bring(modules=chosen)
        facts = question.folder.facts[name]
        required = any(asker.startswith("-r ") for asker in entry.via)
        optional = required and facts.provides_extra
        return Bring(
            modules=facts.modules,
            chosen=False,
            required=required,
            built=entry.built is not None,
            extras=unasked(read_metadata(self.store.path(entry.wheel.sha256)), entry.extras) if optional else {},
        )


def _load(known: dict[str, Any]) -> Proof:
    return Proof(**{**known, "told": tuple(known["told"])})


def _log(store: Store, question: Question) -> Path:
    return store.area("logs") / f"prove-{question.folder.name}.log"


def _why_not(interpreter: Interpreter | None, question: Question) -> str:
    """Return why a folder cannot be proven on this machine; empty if it can."""
    target = question.folder.target
    if interpreter is None:
        return f"this machine has no {target.implementation} {target.python}"
    if interpreters.runs_here(interpreter, target):
        return ""
    # The target may be newer than this machine and its wheels still run here.
    here = set(tags(replace(target, platform=interpreter.platform)))
    for entry in question.folder.entries:
        if here.isdisjoint(wheel_name.parse(entry.wheel.filename).tag_set):
            return f"{entry.wheel.filename} does not run on this machine ({interpreter.platform})"
    return ""
