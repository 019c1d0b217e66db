"""The first process of the ``unshare`` sandbox: ``shut_in.py ROOT COMMAND...``, with a JSON object on standard input.

It is started in name spaces of its own, makes a root folder of what a build may see, makes that the only one there is,
and becomes the command. It knows the kernel's own calls only, as util-linux before 2.39 cannot make a tree read-only.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE = 1, 2, 4, 32, 4096, 16384
_DETACH = 2
_KEPT = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
"""Flags of a mount by their names; whoever is root of a user name space only may add to them, but take none away."""

_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def main(root: str, *command: str) -> None:
    """Read what is to be seen (``links``, ``readable``, ``writable``, ``cwd``, ``env``), shut the rest off, go on.

    :raises OSError: if the kernel refuses a step; the command is not run then.
    """
    view = json.load(sys.stdin)
    os.umask(0o022)
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "mode=0755")
    for path, target in view["links"].items():
        Path(f"{root}{path}").symlink_to(target)
    _furnish(root)
    for path in view["readable"]:
        _show(root, path, _READ_ONLY)
    for path in view["writable"]:
        _show(root, path, 0)
    _mount(None, root, None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    _enter(root)
    os.chdir(view["cwd"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execve(command[0], command, view["env"])  # noqa: S606  (no shell is what we want)


def _furnish(root: str) -> None:
    """Make what every program expects: processes, devices, and places for temporary files."""
    Path(f"{root}/proc").mkdir()
    _mount("proc", f"{root}/proc", "proc", _NO_SUID | _NO_DEVICES | 8)
    for name in ("/tmp", "/dev/shm"):  # noqa: S108  (the sandbox's own)
        Path(f"{root}{name}").mkdir(parents=True)
        _mount("tmpfs", f"{root}{name}", "tmpfs", _NO_SUID | _NO_DEVICES, "mode=1777")
    for name in _DEVICES:
        Path(f"{root}/dev/{name}").touch()
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, _BIND)
    for name, target in _LINKS.items():
        Path(f"{root}/dev/{name}").symlink_to(target)


def _show(root: str, path: str, flags: int) -> None:
    """Bind a file or folder, and all that is mounted in it, to its own path below ``root``."""
    place = Path(f"{root}{path}")
    if Path(path).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(path, str(place), None, _BIND | _RECURSIVE)
    for mounted, kept in list(_mounted(os.path.realpath(place))):
        _mount(None, mounted, None, _REMOUNT | _BIND | _NO_SUID | _NO_DEVICES | flags | kept)


def _mounted(place: str) -> Iterator[tuple[str, int]]:
    """Yield what is mounted at a path and below, with its flags; see proc_pid_mountinfo(5)."""
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        words = line.split(b" ")
        name = os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), words[4]))
        if name == place or name.startswith(f"{place}/"):
            yield name, sum(_KEPT.get(word, 0) for word in words[5].decode().split(","))


def _enter(root: str) -> None:
    """Make a folder the root, and let go of the old one: see the last example of pivot_root(2)."""
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    _call("mount", *words[:3], ctypes.c_ulong(flags), words[3], about=target)


def _call(name: str, *arguments: object, about: str | None = None) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", about)


def _run(arguments: Sequence[str]) -> None:
    try:
        main(*arguments)
    except OSError as error:
        sys.exit(f"cannot shut the build in: {error}")


if __name__ == "__main__":
    _run(sys.argv[1:])
