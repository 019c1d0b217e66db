"""Container engines: podman or docker, found by itself, behind one small class.

Nothing here knows what a build is. What both engines have in common is used; where they differ, this module knows it.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wheelyard.domain.command import Completed
from wheelyard.domain.errors import ToolError
from wheelyard.domain.redact import hide
from wheelyard.io import process as door

RUN_LABEL = "wheelyard.run"
"""Label of every container that we start: says which run of ours it belongs to."""

NO_ENGINE = "install podman (dnf install podman, apt install podman) or docker"

_QUICK = 60.0
"""Seconds that an engine may take to answer a question."""

_TASKS = 32768
"""Tasks that all containers together may have; each one's own limit is its control group's."""

_ENGINE_FAILED = 125
"""Exit code by which `podman run` and `docker run` say that they themselves failed, not what they ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A container engine that answers."""

    kind: Literal["podman", "docker"]
    program: str
    """Its path."""
    arguments: tuple[str, ...] = ()
    """Put between the program and its command: ``--runtime=runc``, ``--storage-driver=…``."""
    version: str = ""
    rootless: bool = False
    """Root in a container is not root out here."""
    limits: frozenset[str] = frozenset({"memory", "pids"})
    """The limits that it can enforce by control groups."""
    pulls: bool = True
    """Whether it may bring images that are not here."""

    @property
    def name(self) -> str:
        """What it is called in reports: ``podman 5.6.1, rootless``."""
        return f"{self.kind} {self.version}" + (", rootless" if self.rootless else "")

    def call(
        self,
        *arguments: str,
        timeout: float | None = _QUICK,
        log: Path | None = None,
        stdin: str | None = None,
    ) -> Completed:
        """Run one of its commands; a non-zero exit is not an error here.

        :raises ToolError: if it does not start, or does not answer within ``timeout`` seconds.
        """
        done = door.run([self.program, *self.arguments, *arguments], timeout=timeout, log=log, stdin=stdin)
        if done.timed_out and timeout == _QUICK:
            raise ToolError(f"{self.kind} {arguments[0]} did not answer within {timeout:g} seconds")
        return done

    def ask(self, *arguments: str, timeout: float | None = _QUICK) -> str:
        """Return what one of its commands prints.

        :raises ToolError: if it fails; with the engine's own message.
        """
        done = self.call(*arguments, timeout=timeout)
        if done.returncode != 0:
            raise ToolError(f"{self.kind} {arguments[0]} failed: {own_message(done)}")
        return done.output

    def own_limits(self) -> list[str]:
        """Return options of ``run`` that keep open files and tasks within what we may have ourselves.

        The defaults of a podman run by root are above what a restricted root may have; no container starts then.
        """
        if self.kind != "podman" or self.rootless:
            return []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        tasks = _TASKS if allowed == resource.RLIM_INFINITY else min(_TASKS, allowed)
        return [f"--ulimit=nofile={soft}:{hard}", f"--ulimit=nproc={tasks}:{tasks}"]

    def end(self, container: str) -> None:
        """Kill a container with everything in it, and remove it; nothing happens where it is gone already."""
        self.call("kill", container)
        self.call("rm", "--force", container)

    def sweep(self) -> int:
        """Remove the containers that runs of ours left behind when they were killed; return how many.

        A container is removed only if the process that started it has ended.
        """
        found = self.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={RUN_LABEL}").split()
        removed = 0
        for container in found:
            done = self.call("inspect", "--format", f'{{{{index .Config.Labels "{RUN_LABEL}"}}}}', container)
            if done.returncode == 0 and is_over(done.output.strip()):
                self.end(container)
                removed += 1
        return removed

    def try_start(self) -> str | None:
        """Start a container of an image that is made for this and holds nothing; return the engine's message, or None.

        The program that runs in it is this machine's own ``true``, so nothing has to be pulled.

        :raises ToolError: if the engine does not answer.
        """
        image = f"localhost/wheelyard-probe:{secrets.token_hex(8)}"
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "nothing.tar"
            with tarfile.open(archive, "w") as tar:
                tar.addfile(tarfile.TarInfo("empty"))
            done = self.call("import", str(archive), image)
            if done.returncode != 0:
                return own_message(done)
        system = [f"--volume={path}:{path}:ro" for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).is_dir()]
        try:
            start = ("run", "--rm", "--network=none", "--pull=never", *self.own_limits(), *system)
            done = self.call(*start, image, "/usr/bin/env", "true")
        finally:
            self.call("rmi", "--force", image)
        return own_message(done) if done.returncode != 0 else None

    def refused(self, done: Completed) -> bool:
        """Whether the engine itself failed, rather than the program that it was to run in a container."""
        return done.returncode == _ENGINE_FAILED


def find_engine(name: str | None = None, arguments: Sequence[str] = ()) -> Engine:
    """Return the engine of that name or path, or the first of podman and docker that answers.

    :raises ToolError: if there is none, or none answers: with each one's own message.
    """
    return _find(name, tuple(arguments))


@functools.cache
def _find(name: str | None, arguments: tuple[str, ...]) -> Engine:
    programs = [
        path for engine_name in ((name,) if name else ("podman", "docker")) if (path := shutil.which(engine_name))
    ]
    if not programs:
        raise ToolError(
            f"the container engine {name} is not installed" if name else "there is no container engine", hint=NO_ENGINE
        )
    refusals = []
    for program in programs:
        try:
            return _introduce(program, arguments)
        except ToolError as error:
            refusals.append(error.message)
    raise ToolError(
        "; ".join(refusals),
        where="container engine",
        hint="try the same command by hand; [build] engine and engine-arguments choose another engine or its options",
    )


def _introduce(program: str, arguments: tuple[str, ...]) -> Engine:
    """Ask an engine what it is.

    :raises ToolError: if it does not answer.
    """
    said = door.run([program, "--version"], timeout=_QUICK).output
    engine = Engine(kind="podman" if "podman" in said.lower() else "docker", program=program, arguments=arguments)
    done = engine.call("info", "--format", "{{json .}}")
    try:
        data: dict[str, Any] = json.loads(done.output)
    except ValueError:
        data = {}
    if done.returncode != 0 or not data or data.get("ServerErrors"):
        raise ToolError(f"{program} does not work: {own_message(done)}")
    if engine.kind == "podman":
        host = data.get("host", {})
        return Engine(
            kind="podman",
            program=program,
            arguments=arguments,
            version=str(data.get("version", {}).get("Version", "")),
            rootless=bool(host.get("security", {}).get("rootless")),
            limits=frozenset(host.get("cgroupControllers") or ()) & {"memory", "pids"},
        )
    enforced = {"memory": data.get("MemoryLimit"), "pids": data.get("PidsLimit")}
    return Engine(
        kind="docker",
        program=program,
        arguments=arguments,
        version=str(data.get("ServerVersion", "")),
        rootless=any("rootless" in str(SecurityOption) for SecurityOption in data.get("SecurityOptions") or ()),
        limits=frozenset(name for name, works in enforced.items() if works),
    )


def own_message(done: Completed) -> str:
    """Return what an engine said of its failure, in one line."""
    lines = [line.strip() for line in (done.errors or done.output).splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower() or "cannot" in line.lower()] or lines[-1:]
    return hide("; ".join(told))[:600] or f"exit code {done.returncode}, without a message"


def this_run() -> str:
    """Return the value of the label: boot, process-id name space, process and its start, which no two runs share."""
    return f"{_boot()}.{_pid_space()}.{os.getpid()}.{_started(os.getpid())}"


def is_over(run: str) -> bool:
    """Whether the run that a label speaks of has ended; False where we cannot know."""
    boot, _, rest = run.partition(".")
    space, _, rest = rest.partition(".")
    pid, _, started = rest.partition(".")
    if not pid.isdigit() or not boot:
        return False
    if boot != _boot():
        return True
    # A process of another name space (an engine shared with a container that we run in) cannot be looked up.
    return space == _pid_space() and _started(int(pid)) != started


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "unknown"


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty: there is none, or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
