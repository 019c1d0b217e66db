"""Local sandboxes: Bubblewrap and unshare (everything cut off), and none."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.domain.events import Reporter, Warned
from wheelyard.domain.settings import BuildSettings
from wheelyard.io import beneath
from wheelyard.io import process as door
from wheelyard.io.temporary import temporary_folder
from wheelyard.sandbox import shut_in
from wheelyard.sandbox.paths import SYSTEM_FOLDERS
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.seatbelt import SandboxExec

FILE_SIZE = 8 << 30
"""Bytes that one file of a build may have."""

BUILDER = 65534
"""User and group that a build runs as where we are root: root has no process limit, and owns too much."""

_SETTINGS = (
    *("alternatives", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"),
    *("nsswitch.conf", "passwd", "python3", "pki/tls/openssl.cnf", "ssl/openssl.cnf"),
)
_ONLY_LOOPBACK = ("/bin/sh", "-c", '[ "$(grep -c : /proc/net/dev)" -le 1 ]')
_NO_NETWORK = ("/usr/bin/perl", "-MIO::Socket::INET", "-e", "exit !!IO::Socket::INET->new(Listen => 1)")
_FIRST = ("/bin/sh", "-c", '"$@"; exit $?', "sh")
"""The first process of a process name space: when it ends, the kernel has ended all others before we hear of it."""

_HINT = "install bubblewrap (dnf install bubblewrap, apt install bubblewrap)"


def find_sandbox(settings: BuildSettings, report: Reporter) -> Sandbox:
    """Return the best local sandbox that works here (or the one asked for), each tried for real once a process.

    What is less than full isolation is reported as a warning.

    :raises ToolError: if the one that was asked for does not work, or ``require_sandbox`` cannot be met.
    :raises ConfigError: if containers are insisted on: a target without an image has none.
    """
    if settings.sandbox == "container":
        raise ConfigError(
            "builds were asked to run in containers, but this target has no image",
            where="[build] sandbox",
            hint='give the target an image, or set sandbox = "auto"',
        )
    refusals = []
    for name in _USUAL.get(sys.platform, _LINUX) if settings.sandbox == "auto" else (settings.sandbox,):
        sandbox = SANDBOXES[name]
        if sandbox.isolation == "none":
            continue
        refusal = _refusal(name)
        if refusal is None:
            if sandbox.isolation != "full":
                report(Warned(message=f"builds are cut off from the network only, not from your files: {_HINT}"))
            return sandbox
        refusals.append(f"{name}: {refusal}")
    why = "; ".join(refusals) or "asked for by the configuration"
    if settings.require_sandbox:
        raise ToolError(f"builds cannot be cut off from the network here ({why})", hint=_HINT)
    if settings.sandbox not in ("auto", "none"):
        raise ToolError(f"the sandbox {settings.sandbox} does not work here ({why})", hint=_HINT)
    report(
        Warned(
            message=f"NO SANDBOX: code from sdists runs with your rights, your files and the network ({why}); {_HINT}"
        )
    )
    return Bare()


@functools.cache
def _refusal(name: str) -> str | None:
    """Try a sandbox; return None if it works and cuts the network, else why not."""
    with temporary_folder("probe") as folder:
        place = folder / "probe"
        place.mkdir()
        probe = Command(
            argv=_NO_NETWORK if sys.platform == "darwin" else _ONLY_LOOPBACK,
            cwd=place,
            env={"PATH": "/usr/bin:/bin"},
            writable=(place,),
            limits=Limits(seconds=20),
        )
        try:
            done = SANDBOXES[name].run(probe)
        except ToolError as error:
            return error.message
    if done.returncode == 0:
        return None
    return done.output.strip().rpartition("\n")[2] or "the network is still there"


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """New name spaces of every kind; of the file system, only the system (read-only) and the build's own folders."""

    name: str = "bubblewrap"
    isolation: Literal["full", "network", "none"] = "full"

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`."""
        as_root = os.geteuid() == 0
        arguments = ["bwrap", "--die-with-parent", "--as-pid-1", "--new-session", "--clearenv", *_name_spaces(as_root)]
        arguments += ["--proc", "/proc", "--dev", "/dev"]
        for scratch in ("/tmp", "/dev/shm"):  # noqa: S108  (inside the sandbox)
            arguments += [*(("--perms", "1777") if as_root else ()), "--tmpfs", scratch]
        links, shown = _system()
        for place, target in links.items():
            arguments += ["--symlink", target, place]
        # Bubblewrap makes missing parents for their owner only, which the builder is not.
        seen = (*map(Path, shown), *command.readable)
        for parent in sorted({parent for path in (*seen, *command.writable) for parent in path.parents}):
            arguments += ["--dir", str(parent)]
        for path in seen:
            arguments += ["--ro-bind", str(path), str(path)]
        for path in command.writable:
            arguments += ["--bind", str(path), str(path)]
        for key, value in command.env.items():
            arguments += ["--setenv", key, value]
        arguments += ["--remount-ro", "/", "--chdir", str(command.cwd), "--", *_FIRST]
        if as_root:
            for path in command.writable:
                beneath.give(path, BUILDER)
            arguments += _dropped(as_root)
        arguments += _limited(command, BUILDER if as_root else os.geteuid())
        return door.run(
            arguments, env={"PATH": os.defpath}, log=command.log, merge=True, timeout=command.limits.seconds
        )


@dataclass(frozen=True, slots=True)
class Unshare:
    """The same by util-linux and :mod:`wheelyard.sandbox.shut_in`, for where Bubblewrap is not to be had."""

    name: str = "unshare"
    isolation: Literal["full", "network", "none"] = "full"

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`."""
        as_root = os.geteuid() == 0
        links, shown = _system()
        view = {
            "links": links,
            "readable": [*shown, *map(str, command.readable)],
            "writable": [str(path) for path in command.writable],
            "cwd": str(command.cwd),
            "env": dict(command.env),
        }
        arguments = ["unshare", *(() if as_root else ("--user", "--map-root-user")), "--mount", "--net", "--ipc"]
        arguments += ["--uts", "--pid", "--fork", "--kill-child", sys.executable, "-I", shut_in.__file__]
        if as_root:
            for path in command.writable:
                beneath.give(path, BUILDER)
        limited = (*_dropped(as_root), *_limited(command, BUILDER if as_root else os.geteuid()))
        with temporary_folder("root") as root:
            return door.run(
                [*arguments, str(root), *_FIRST, *limited],
                # Not the build's own PATH: that leads to programs which a build may have written.
                env={"PATH": os.defpath},
                stdin=json.dumps(view),
                log=command.log,
                merge=True,
                timeout=command.limits.seconds,
            )


@dataclass(frozen=True, slots=True)
class Bare:
    """Nothing is cut off; only the limits are kept."""

    name: str = "none"
    isolation: Literal["full", "network", "none"] = "none"

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`."""
        arguments = _limited(command, os.geteuid())
        return door.run(
            arguments, cwd=command.cwd, env=command.env, log=command.log, merge=True, timeout=command.limits.seconds
        )


SANDBOXES: dict[str, Sandbox] = {each.name: each for each in (Bubblewrap(), Unshare(), SandboxExec(), Bare())}
"""This machine's sandboxes, as ``[build] sandbox`` names them."""

_LINUX = ("bubblewrap", "unshare")
_USUAL = {"darwin": ("sandbox-exec",)}
"""What is tried by itself, the best first, where it is not as on Linux."""


def _name_spaces(as_root: bool) -> list[str]:
    """Return what to unshare.

    Root needs no user name space, and without one it can become an ordinary user inside, for which the kernel
    enforces the process limit.
    """
    if not as_root:
        return ["--unshare-all"]
    spaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    # What is kept is for getting into the folder and becoming the builder, which loses it all.
    kept = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
    return [*spaces, "--cap-drop", "ALL", *(word for name in kept for word in ("--cap-add", name))]


def _system() -> tuple[dict[str, str], list[str]]:
    """Return what is seen of the system itself: links with where they lead, and folders and files."""
    present = [path for path in map(Path, SYSTEM_FOLDERS) if path.is_dir()]
    links = {str(path): str(path.readlink()) for path in present if path.is_symlink()}
    settings = [path for path in (Path("/etc", name) for name in _SETTINGS) if path.exists()]
    return links, [str(path) for path in (*present, *settings) if str(path) not in links]


def _dropped(as_root: bool) -> list[str]:
    """Return the words that, put before a command, take what a first process of ours was allowed from it."""
    user = str(BUILDER)
    other = ("--reuid", user, "--regid", user, "--clear-groups") if as_root else ()
    return ["/usr/bin/setpriv", *other, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def _limited(command: Command, user: int) -> list[str]:
    """Return the words of a command with those before them that limit it; none where there is no prlimit(1)."""
    program = shutil.which("prlimit", path="/usr/bin:/bin")
    if program is None:
        return [*command.argv]
    # The kernel counts all tasks of a user: older ones must not use up what this build may start.
    processes = command.limits.processes + _tasks_of(user)
    return [
        program,
        f"--as={command.limits.memory}",
        f"--nproc={processes}",
        f"--fsize={FILE_SIZE}",
        "--core=0",
        "--",
        *command.argv,
    ]


def _tasks_of(user: int) -> int:
    """Return how many tasks (processes and threads) a user has now."""
    count = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == user:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208  (names only)
            except OSError:  # it has just ended
                continue
    return count
