"""Proof on this machine: a clean environment of the target's Python, its own pip, no network."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.build import environment
from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.proof import Proof
from wheelyard.prove.model import Subject
from wheelyard.prove.place import PIP_VARIABLES, last_words, lay_out
from wheelyard.prove.run_proof import run_proof
from wheelyard.sandbox.interpreter import interpreter_folders
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import checked
from wheelyard.targets import commands
from wheelyard.targets.interpreters import Interpreter

_RULES = 4
"""Goes into the key of a proof: raise it when what is done for one changes."""

_LIMITS = Limits(seconds=3600, memory=64 << 30, processes=4096)


def proof_key(subject: Subject, interpreter: Interpreter) -> str:
    """Return the digest of everything that a proof depends on: the same key needs no second proof."""
    facts = [_RULES, *subject.facts, interpreter.version, interpreter.platform]
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
        pip=subject.pip_version,
        key=proof_key(subject, interpreter),
    )
    log.unlink(missing_ok=True)
    return run_proof(
        proof,
        subject,
        lambda: _Place.make(subject, interpreter, sandbox=sandbox, scratch=scratch, log=log),
        reason=f"installed and imported in a clean environment without {_cut(sandbox)}",
    )


def _cut(sandbox: Sandbox) -> str:
    return {"full": "network or other files", "network": "network", "none": "an index (the network was not cut)"}[
        sandbox.isolation
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A scratch folder: what is given is the folder with its lock, home has an environment in it."""

    given: Path
    home: Path
    python: Path
    sandbox: Sandbox
    readable: tuple[Path, ...]
    log: Path

    @classmethod
    def make(cls, subject: Subject, interpreter: Interpreter, *, sandbox: Sandbox, scratch: Path, log: Path) -> _Place:
        """Lay out the folder as the host will see it, and an empty environment with the host's pip."""
        given, home = scratch / "given", scratch / "home"
        lay_out(subject, given)
        home.mkdir(mode=0o755)
        path = Path(interpreter.path)
        pip = {subject.pip[0]: checked(subject.pip[1], where=subject.pip[0])}
        return cls(
            given=given,
            home=home,
            python=environment.create(home / "env", path, pip, sandbox, log=log, root=home),
            sandbox=sandbox,
            readable=interpreter_folders(path),
            log=log,
        )

    def install(self, subject: Subject) -> str | None:
        """Install by the steps that are printed for a virtual environment; return what went wrong, or None."""
        way = replace(subject.route, python=str(self.python), managed=True)
        access = commands.Access(root=str(self.given))
        # Its own first step made this environment, with the host's pip in it.
        step = commands.install(way, access, venv=str(self.python.parents[1]))[-1]
        for problem, argv in (
            ("does not install", step),
            ("the set is inconsistent", (*step[: step.index("install")], "check")),
        ):
            done = self.run(*argv[1:])
            if done.returncode != 0:
                return f"{problem}: {last_words(done.output)}"
        return None

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Completed:
        """Run the environment's Python."""
        env = {
            "PATH": f"{self.python.parent}{os.pathsep}{SYSTEM_PATH}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "LANG": "C.UTF-8",
            **PIP_VARIABLES,
            **(variables or {}),
        }
        return self.sandbox.run(
            Command(
                argv=(str(self.python), *arguments),
                cwd=self.home,
                env=env,
                readable=(self.given, *self.readable),
                writable=(self.home,),
                limits=_LIMITS,
                log=self.log,
            )
        )
