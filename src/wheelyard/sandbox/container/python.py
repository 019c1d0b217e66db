"""Builds in containers: the sandbox, the target's Python inside an image, and the image's libraries for repair."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.domain.command import Command, Limits
from wheelyard.domain.errors import ToolError
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.sandbox.container.engine import Engine, find_engine, own_message
from wheelyard.sandbox.container.images import Image
from wheelyard.sandbox.container.launch import run_in_container
from wheelyard.sandbox.interpreter import interpreter_folders

_ROOT = Path("/")
_LOOK = Limits(seconds=300)

# PyPA's images have their Pythons in /opt/python, everybody else's are on the search path.
_PYTHONS = r"""
if [ $# -eq 0 ]; then
IFS=:
for python in /opt/python/*/bin/python; do set -- "$@" "$python"; done
for folder in $PATH; do
  for python in "$folder"/python3 "$folder"/python3.[0-9] "$folder"/python3.[0-9][0-9] "$folder"/python3.[0-9][0-9]t
  do set -- "$@" "$python"; done
done
fi
for python; do
  [ -x "$python" ] && "$python" -I -c '
import glob, json, os, re, shutil, subprocess, sys, sysconfig
flag = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
cpu = sysconfig.get_platform().rpartition("-")[2]
platform = "linux_" + cpu
if "CS_GNU_LIBC_VERSION" in os.confstr_names:
    platform = "manylinux_%s_%s" % (os.confstr("CS_GNU_LIBC_VERSION").split()[1].replace(".", "_"), cpu)
for loader in glob.glob("/lib/ld-musl-*.so.1"):
    said = subprocess.run([loader], stdout=-1, stderr=-2).stdout.decode()
    platform = "musllinux_%s_%s_%s" % (*re.search(r"Version (\d+)\.(\d+)", said).groups(), cpu)
print("python " + json.dumps({
    "path": sys.executable,
    "python": "%d.%d%s" % (sys.version_info[0], sys.version_info[1], flag),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "implementation": sys.implementation.name,
    "platform": platform,
    "compiler": shutil.which("cc") or shutil.which("gcc") or "",
    "managed": os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")),
    "prefix": sys.base_prefix}))' 2>&1
done
exit 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePython:
    """An interpreter inside an image."""

    path: str
    python: str
    """``X.Y``, with ``t`` behind it for a free-threaded build: comparable with ``Target.python``."""
    version: str
    """``X.Y.Z``."""
    implementation: str
    platform: str
    """The newest platform tag that it accepts: ``manylinux_2_36_x86_64``."""
    compiler: str
    """Path of the C compiler beside it; empty: there is none."""
    prefix: str
    managed: bool = False
    """Whether it is marked as the system's alone (PEP 668)."""


def open_engine(settings: BuildSettings) -> Engine:
    """Return the engine that the configuration means, without the containers of runs of ours that were killed.

    :raises ToolError: if there is none that answers.
    """
    engine = find_engine(settings.engine, settings.engine_arguments)
    _swept(engine)
    return engine if settings.pull else replace(engine, pulls=False)


@functools.cache
def _swept(engine: Engine) -> int:
    return engine.sweep()


def find_python(engine: Engine, image: Image, target: Target) -> tuple[ImagePython, tuple[Path, ...]]:
    """Return the target's interpreter in an image, and folders of this machine that it needs.

    Where the image has none, but the target names an interpreter of this machine, that one is taken along.

    :raises ToolError: if there is none, with those that are there.
    """
    there = pythons(engine, image)
    for each in there:
        if (each.python, each.implementation) == (target.python, target.implementation):
            return each, ()
    if target.build.interpreter and (path := Path(target.build.interpreter).expanduser()).exists():
        folders = interpreter_folders(path)
        for each in _asked(engine, image, folders, str(path)):
            if (each.python, each.implementation) == (target.python, target.implementation):
                return each, folders
    have = (
        ", ".join(f"{interpreter.implementation} {interpreter.python}" for interpreter in there) or "no Python at all"
    )
    raise ToolError(
        f"the image has no {target.implementation} {target.python}, it has {have}",
        where=f"target {target.name}: image {image.name}",
        hint="name an image that has it, or give the target an interpreter that runs in this image",
    )


@functools.cache
def pythons(engine: Engine, image: Image) -> tuple[ImagePython, ...]:
    """Return the interpreters in an image: ``/opt/python/*``, then the search path; the first of each version.

    :raises ToolError: if no container of this image can be started, with the engine's own message.
    """
    return _asked(engine, image, ())


def _asked(engine: Engine, image: Image, readable: tuple[Path, ...], *paths: str) -> tuple[ImagePython, ...]:
    """Run the interpreters at these paths, or all that are found, in a container, and return what they say."""
    argv = ("/bin/sh", "-c", _PYTHONS, "sh", *paths)
    done = run_in_container(engine, image, Command(argv=argv, cwd=_ROOT, readable=readable, limits=_LOOK))
    if done.returncode != 0:
        raise ToolError(
            f"{engine.kind} cannot start a container: {own_message(done)}",
            where=f"image {image.name} ({image.architecture})",
            hint="see `wheelyard doctor`; an image for another CPU needs qemu-user-static",
        )
    found: dict[tuple[str, str], ImagePython] = {}
    for line in done.output.splitlines():
        if line.startswith("python {"):
            each = ImagePython(**json.loads(line.partition(" ")[2]))
            found.setdefault((each.implementation, each.python), each)
    return tuple(found.values())
