"""Proof in a container: a plain image of the host, no network, its own Python and pip, an ordinary user."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.proof import Proof
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.prove.model import Subject
from wheelyard.prove.place import PIP_VARIABLES, last_words, lay_out, link
from wheelyard.prove.run_proof import run_proof
from wheelyard.sandbox.container.images import resolve
from wheelyard.sandbox.container.python import ImagePython, find_python, open_engine
from wheelyard.sandbox.container.sandbox import ContainerSandbox
from wheelyard.targets import commands, cpus
from wheelyard.targets.presets import host_image

_RULES = 4
"""Goes into the key of a proof: raise it when what is done for one changes."""

_EMULATED_CPUS = {"arm64": "cortex-a72"}
"""What qemu emulates, by the engines' words for CPUs: one of the oldest level, as any host may be. By itself it has
every extension: with its matrix instructions (SME), OpenBLAS 0.3.34 under qemu 7.2 multiplies wrongly."""

_LIMITS = Limits(seconds=3600, memory=16 << 30, processes=4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A plain image that stands for the hosts of a target, and the target's Python in it."""

    sandbox: ContainerSandbox
    python: ImagePython
    readable: tuple[Path, ...] = ()
    """Folders of this machine that the interpreter needs: none where it is the image's own."""
    emulated: bool = False
    """Whether its programs are for another CPU than this machine's."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What its emulator has to be told."""
        cpu = _EMULATED_CPUS.get(self.sandbox.image.architecture) if self.emulated else None
        return {"QEMU_CPU": cpu} if cpu else {}


def find_host(settings: BuildSettings, target: Target, image: str) -> Host:
    """Return the host that a target is proven on.

    :param image: name of the image; see :func:`wheelyard.targets.presets.host_image`.
    :raises ToolError: if there is no engine, no such image, or no such Python in it.
    """
    engine = open_engine(settings)
    found = resolve(engine, image, target.machine)
    python, readable = find_python(engine, found, target)
    sandbox = ContainerSandbox(engine=engine, image=found)
    return Host(sandbox=sandbox, python=python, readable=readable, emulated=not cpus.native(target.machine))


class Hosts:
    """The host of each target, found once a run; safe to ask from many threads."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._found: dict[Target, Host | None] = {}

    def __call__(self, target: Target) -> Host | None:
        """Return the host that a target's own or its preset's image stands for; None: no image is known.

        A preset's image is not used where the configuration wants another sandbox than containers.

        :raises ToolError: if there is an image, but it cannot be had.
        """
        asked_for = target.build.host_image is not None or self._settings.sandbox in ("auto", "container")
        image = host_image(target) if asked_for else None
        with self._lock:
            if target not in self._found:
                self._found[target] = find_host(self._settings, target, image) if image else None
            return self._found[target]


def proof_key(subject: Subject, host: Host) -> str:
    """Return the digest of everything that a proof depends on: the same key needs no second proof."""
    facts = [
        _RULES,
        *subject.facts,
        host.sandbox.image.identity,
        [host.python.path, host.python.implementation, host.python.version],
        *host.variables.items(),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def prove(subject: Subject, host: Host, *, scratch: Path, log: Path) -> Proof:
    """Install the whole folder with its own lock and import every module; never raises for what the wheels do.

    :param scratch: an empty folder to work in.
    """
    proof = Proof(
        target=subject.folder,
        outcome="failed",
        reason="",
        python=host.python.version,
        pip=subject.pip_version,
        managed=host.python.managed,
        key=proof_key(subject, host),
    )
    log.unlink(missing_ok=True)
    place = f"{host.sandbox.image.name}, under emulation" if host.emulated else host.sandbox.image.name
    return run_proof(
        proof,
        subject,
        lambda: _Place.make(subject, host, scratch=scratch, log=log),
        reason=f"installed and imported by an ordinary user without network in {place}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Folders of this machine that the containers of one proof see: what is given, and a home."""

    given: Path
    home: Path
    host: Host
    log: Path
    python: str
    """The interpreter that everything is installed for: the host's own, or a virtual environment's."""

    @classmethod
    def make(cls, subject: Subject, host: Host, *, scratch: Path, log: Path) -> _Place:
        """Lay out the folder as the host will see it, the pip that the host has, and an empty home."""
        given, home = scratch / "given", scratch / "home"
        lay_out(subject, given)
        home.mkdir(mode=0o755)
        link(subject.pip[1], given / subject.pip[0])
        managed = subject.route.managed or host.python.managed
        python = f"{home}/venv/bin/python" if managed else host.python.path
        return cls(given=given, home=home, host=host, log=log, python=python)

    def install(self, subject: Subject) -> str | None:
        """Install by the very steps that are printed for the host; return what went wrong, or None."""
        way = replace(
            subject.route,
            python=self.host.python.path,
            managed=subject.route.managed or self.host.python.managed,
        )
        # A host that has no pip of its own runs it straight from its wheel, which is the same pip.
        own_pip = None if way.pip else str(self.given / subject.pip[0])
        access = commands.Access(root=str(self.given))
        steps = commands.install(way, access, venv=f"{self.home}/venv", own_pip=own_pip)
        step_of_pip = steps[-1][: steps[-1].index("install")]
        for step in steps:
            done = self._start(step)
            if done.returncode != 0:
                return f"does not install: {last_words(done.output)}"
        done = self._start((*step_of_pip, "check"))
        return f"the set is inconsistent: {last_words(done.output)}" if done.returncode != 0 else None

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Completed:
        """Run the Python that everything was installed for."""
        return self._start((self.python, *arguments), variables)

    def _start(self, argv: tuple[str, ...], variables: Mapping[str, str] | None = None) -> Completed:
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **PIP_VARIABLES,
            **self.host.variables,
            **(variables or {}),
        }
        return self.host.sandbox.run(
            Command(
                argv=argv,
                cwd=self.home,
                env=environment,
                readable=(self.given, *self.host.readable),
                writable=(self.home,),
                limits=_LIMITS,
                log=self.log,
            )
        )
