"""One command in one fresh container, cut off from everything: the only way that we run anything in an image.

A container for each command: nothing that one build leaves behind is there for the next, and its mounts, memory and
process limits are its own. It costs what a command in a long-lived container costs (see
``docs/decisions/0005-a-fresh-container-for-each-command.md``).
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.errors import ToolError
from wheelyard.io import beneath
from wheelyard.io import process as door
from wheelyard.io.temporary import temporary_folder
from wheelyard.sandbox.container.engine import RUN_LABEL, Engine, own_message, this_run
from wheelyard.sandbox.container.images import Image
from wheelyard.sandbox.local import BUILDER, FILE_SIZE

_BUILDER = [f"--user={BUILDER}:{BUILDER}"]
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")

# The first process of the container: it waits for orphans, and says which limit was reached, which nobody can know
# once the container is gone. It starts no process for that: there may be none left to start.
_FIRST = r"""
    "$@"; code=$?; [ $code = 0 ] && exit; memory=0; processes=0;
    for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] && while read -r key value; do [ "$key" = oom_kill ] && memory=$value; done <$file; done;
    for file in /sys/fs/cgroup/pids.events /sys/fs/cgroup/pids/pids.events; do
    [ -r $file ] && while read -r key value; do [ "$key" = max ] && processes=$value; done <$file; done;
    [ $memory$processes = 00 ] || echo "container: limits reached: memory $memory, processes $processes"; exit $code
""".replace("\n    ", " ").strip()
_REACHED = re.compile(r"container: limits reached: memory (\d+), processes (\d+)$", re.MULTILINE)


def run_in_container(engine: Engine, image: Image, command: Command) -> Completed:
    """Run a command to its end in a fresh container: no network, no capabilities, no host files but those given.

    Folders have the same path inside. ``PATH`` keeps its entries below them, then comes the image's own. ``writable``
    folders are given to the ordinary user that the command runs as, where we are root.

    :raises ToolError: if the engine cannot start it; with the engine's own message.
    """
    mounts = _mounts(command.readable, command.writable)
    user = _user(engine)
    if user == _BUILDER:
        for path in command.writable:
            beneath.give(path, BUILDER)
    name = f"wheelyard-{secrets.token_hex(8)}"
    arguments = ["run", "--rm", "--name", name, "--label", f"{RUN_LABEL}={this_run()}", *_walls(engine), *user]
    arguments += [*_limits(engine, command.limits), *(f"--mount={_mount(*mount)}" for mount in mounts)]
    arguments += [
        f"--platform=linux/{image.architecture}",
        f"--workdir={command.cwd}",
        *_environment(engine, image, command.env, mounts),
    ]
    inside = ["--entrypoint=/bin/sh", image.id, "-c", _FIRST, "sh", *command.argv]
    ended = False
    try:
        # conmon leaves a file named "oom" in its working folder
        with temporary_folder("container") as scratch:
            arguments += _open_root(mounts, scratch)
            whole = [engine.program, *engine.arguments, *arguments, *inside]
            done = door.run(whole, cwd=scratch, log=command.log, merge=True, timeout=command.limits.seconds)
        ended = not done.timed_out and done.returncode >= 0
    finally:
        if not ended:
            engine.end(name)
    if engine.refused(done):
        raise ToolError(
            f"{engine.kind} cannot start a container: {own_message(done)}",
            where=f"image {image.name}",
            log=command.log,
        )
    return replace(done, reason=_limit_reached(done, command.limits))


def _limit_reached(done: Completed, limits: Limits) -> str:
    """Return, in words, which limit a command that failed had reached; empty: none."""
    said = _REACHED.findall(done.output)
    if done.returncode == 0 or not said:
        return ""
    memory, processes = map(int, said[-1])
    reached = [f"used more than the {limits.memory / (1 << 20):.0f} MiB of memory that it may have"] if memory else []
    reached += [f"started more than the {limits.processes} processes that it may have"] if processes else []
    return " and ".join(reached)


def _walls(engine: Engine) -> Iterator[str]:
    """Yield what cuts the container off."""
    yield from ("--network=none", "--cap-drop=all", "--security-opt=no-new-privileges", "--read-only")
    # SELinux would forbid our folders to the container, and relabelling them would change other people's files.
    yield "--security-opt=label=disable"
    yield from (
        "--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777",
        "--hostname=builder",
        "--log-driver=none",
        "--pull=never",
    )
    if engine.kind == "podman":
        # podman would hand over proxies with their passwords, and hide folders of the image below its own /run and /tmp
        yield from ("--http-proxy=false", "--read-only-tmpfs=false")


def _user(engine: Engine) -> list[str]:
    """Return the options that make an ordinary user of the command, one whose files we can read afterwards."""
    user, group = os.getuid(), os.getgid()
    if engine.rootless and engine.kind == "podman":
        return ["--userns=keep-id", f"--user={user}:{group}"]
    if engine.rootless:
        # Docker has no keep-id: its root is us, without a right on anything else, as all capabilities are dropped.
        return ["--user=0:0"]
    return _BUILDER if user == 0 else [f"--user={user}:{group}"]


def _limits(engine: Engine, limits: Limits) -> Iterator[str]:
    """Yield the options for memory, processes and file sizes, by what the engine can enforce."""
    yield from ("--ulimit=core=0:0", f"--ulimit=fsize={FILE_SIZE}:{FILE_SIZE}", *engine.own_limits())
    if "memory" in engine.limits:
        yield f"--memory={limits.memory}"
    else:
        yield f"--ulimit=data={limits.memory}:{limits.memory}"
    if "pids" in engine.limits:
        yield f"--pids-limit={limits.processes}"
    if "pids" not in engine.limits:
        yield f"--ulimit=nproc={limits.processes}:{limits.processes}"


def _mounts(readable: Sequence[Path], writable: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Return the folders to mount, outer ones first, and whether each may be written; nested ones are left out."""
    chosen: list[tuple[Path, bool]] = []
    for path, may_write in (*((path, True) for path in writable), *((path, False) for path in readable)):
        inside = any(path.is_relative_to(other) and (theirs or not may_write) for other, theirs in chosen)
        if not inside:
            chosen.append((path, may_write))
    return sorted(chosen, key=lambda each: len(each[0].parts))


def _mount(path: Path, may_write: bool) -> str:
    """Return the value of ``--mount``: both engines read it as a line of CSV, so any path can be said."""
    line = io.StringIO()
    fields = ["type=bind", f"source={path}", f"destination={path}", *(() if may_write else ("readonly",))]
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _open_root(mounts: Sequence[tuple[Path, bool]], scratch: Path) -> list[str]:
    """Return what makes folders below ``/root`` reachable: an image's own is closed to an ordinary user.

    A tmpfs would not do: runc gives it the mode of the folder that it hides.
    """
    if not any(path.is_relative_to("/root") for path, _ in mounts):
        return []
    empty = scratch / "root"
    empty.mkdir()
    empty.chmod(0o755)
    return [f"--mount=type=bind,source={empty},destination=/root"]


def _environment(
    engine: Engine, image: Image, env: Mapping[str, str], mounts: Sequence[tuple[Path, bool]]
) -> Iterator[str]:
    """Yield the options for the environment: what is given, and the image's own search path behind ours."""
    if engine.kind == "docker":
        for name in _PROXIES:
            yield from (f"--env={name}=", f"--env={name.upper()}=")
    for name, value in env.items():
        if name != "PATH":
            yield f"--env={name}={value}"
    given = [part for part in env.get("PATH", "").split(":") if part]
    ours = [part for part in given if any(Path(part).is_relative_to(path) for path, _ in mounts)]
    yield f"--env=PATH={':'.join([*ours, image.search_path])}"
