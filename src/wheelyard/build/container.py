"""Builds in containers: the sandbox, the target's Python inside an image, and the image's libraries for repair."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wheelyard.build.engine import Engine, find_engine, own_message
from wheelyard.build.environment import interpreter_folders
from wheelyard.build.images import Image, derive, resolve
from wheelyard.build.launch import give_away, run_in_container
from wheelyard.build.model import Limits
from wheelyard.config.model import BuildSettings
from wheelyard.doors.run import Completed
from wheelyard.errors import ToolError
from wheelyard.targets.model import Target

_ROOT = Path("/")
_LOOK = Limits(seconds=300)

# PyPA's images have their Pythons in /opt/python, everybody else's are on the search path.
_PYTHONS = r"""
IFS=:
for python in /opt/python/*/bin/python; do set -- "$@" "$python"; done
for folder in $PATH; do
  for python in "$folder"/python3 "$folder"/python3.[0-9] "$folder"/python3.[0-9][0-9] "$folder"/python3.[0-9][0-9]t
  do set -- "$@" "$python"; done
done
for python; do
  [ -x "$python" ] && "$python" -I -c '
import json, sys, sysconfig
flag = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("python " + json.dumps({
    "path": sys.executable,
    "python": "%d.%d%s" % (sys.version_info[0], sys.version_info[1], flag),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "implementation": sys.implementation.name,
    "prefix": sys.base_prefix}))' 2>&1
done
exit 0
"""

# Copies what the dynamic loader of the image would find, under the names that it looks for, into one flat folder.
_LIBRARIES = r"""
import glob, os, shutil, subprocess, sys
out = sys.argv[1]
def kind(path):
    with open(path, "rb") as stream:
        head = stream.read(20)
    return (head[:4], head[4:6], head[18:20])
mine = kind(sys.executable)
found = []
for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
    found += sorted(glob.glob(os.path.join(folder, "*.so*"))) if folder else []
for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig"):
    if os.path.exists(program) and not glob.glob("/lib/ld-musl-*"):
        listing = subprocess.run([program, "-p"], stdout=subprocess.PIPE, check=True).stdout.decode()
        found += [line.partition(" => ")[2].strip() for line in listing.splitlines() if " => " in line]
        break
else:
    folders = ["/lib", "/usr/local/lib", "/usr/lib"]
    for settings in glob.glob("/etc/ld-musl-*.path"):
        with open(settings) as stream:
            folders = stream.read().replace(":", "\n").split()
    for folder in folders:
        found += sorted(glob.glob(os.path.join(folder, "*.so*")))
copies = {}
for path in found:
    place = os.path.join(out, os.path.basename(path))
    if os.path.exists(place) or not os.path.isfile(path) or kind(path) != mine:
        continue
    status = os.stat(path)
    same = copies.setdefault((status.st_dev, status.st_ino), place)
    if same == place:
        shutil.copyfile(path, place)
    else:
        os.link(same, place)
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
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSandbox:
    """Every command in a fresh container of one image: see :mod:`wheelyard.build.launch` for what that cuts off."""

    engine: Engine
    image: Image

    @property
    def name(self) -> str:
        """What it is called in reports: the engine and the image."""
        return f"{self.engine.kind} {self.image.name}"

    @property
    def isolation(self) -> Literal["full", "network", "none"]:
        """Network and file system are cut off."""
        return "full"

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        limits: Limits,
        log: Path,
    ) -> Completed:
        """Run a command; see :class:`wheelyard.build.model.Sandbox`.

        A folder of this machine where the image has an interpreter of its own is not put over it.
        """
        own = {Path(each.prefix) for each in pythons(self.engine, self.image)}
        return run_in_container(
            self.engine,
            self.image,
            command,
            cwd=cwd,
            env=env,
            readable=[path for path in readable if path not in own],
            writable=writable,
            limits=limits,
            log=log,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerToolchain:
    """All that a target's builds need to know of their container."""

    sandbox: ContainerSandbox
    python: Path
    """The target's interpreter: a path inside."""
    readable: tuple[Path, ...]
    """Folders of this machine that the interpreter needs: none where it is the image's own."""

    @property
    def identity(self) -> str:
        """What identifies compiler and C library in the build key: the image's digest."""
        return self.sandbox.image.identity


def find_toolchain(
    settings: BuildSettings, target: Target, image: str, *, image_packages: Sequence[str] = ()
) -> ContainerToolchain:
    """Return the container that a target's sdists are built in; the image is pulled or derived where it must be.

    :param image: name of the builder image; see :func:`wheelyard.targets.presets.builder_image`.
    :param image_packages: packages of the image's distribution that a build needs.
    :raises ToolError: if there is no engine, no such image, or no such Python in it.
    """
    engine = find_engine(settings.engine, settings.engine_arguments)
    found = resolve(engine, image, target.machine)
    python, readable = find_python(engine, found, target)
    found = derive(engine, found, image_packages)
    return ContainerToolchain(
        sandbox=ContainerSandbox(engine=engine, image=found), python=Path(python.path), readable=readable
    )


def find_python(engine: Engine, image: Image, target: Target) -> tuple[ImagePython, tuple[Path, ...]]:
    """Return the target's interpreter in an image, and folders of this machine that it needs.

    Where the image has none, but the target names an interpreter of this machine, that one is taken along.

    :raises ToolError: if there is none, with those that are there.
    """
    there = pythons(engine, image)
    for each in there:
        if (each.python, each.implementation) == (target.python, target.implementation):
            return each, ()
    if target.interpreter and (path := Path(target.interpreter).expanduser()).exists():
        folders = interpreter_folders(path)
        said = _asked(engine, image, folders, f'IFS=; set -- "{path}"; PATH=; {_LAST_STEP}')
        for each in said:
            if (each.python, each.implementation) == (target.python, target.implementation):
                return each, folders
    have = ", ".join(f"{each.implementation} {each.python}" for each in there) or "no Python at all"
    raise ToolError(
        f"the image has no {target.implementation} {target.python}, it has {have}",
        where=f"target {target.name}: image {image.name}",
        hint="name an image that has it, or give the target an interpreter that runs in this image",
    )


_LAST_STEP = _PYTHONS[_PYTHONS.index("for python; do") :]


@functools.cache
def pythons(engine: Engine, image: Image) -> tuple[ImagePython, ...]:
    """Return the interpreters in an image: ``/opt/python/*``, then the search path; the first of each version.

    :raises ToolError: if no container of this image can be started, with the engine's own message.
    """
    return _asked(engine, image, (), _PYTHONS)


def _asked(engine: Engine, image: Image, readable: Sequence[Path], script: str) -> tuple[ImagePython, ...]:
    done = run_in_container(
        engine, image, ["/bin/sh", "-c", script, "sh"], cwd=_ROOT, env={}, readable=readable, limits=_LOOK
    )
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


def libraries(engine: Engine, image: Image, cache: Path) -> Path:
    """Return a folder with the shared libraries of an image, under the names that its loader looks for.

    Repair takes from it what a wheel was linked with. Copied once an image, into ``cache``.

    :raises ToolError: if the image has no Python to do the copying, or it fails.
    """
    folder = cache / image.id
    if folder.is_dir():
        return folder
    there = pythons(engine, image)
    if not there:
        raise ToolError("there is no Python in it to copy its libraries with", where=f"image {image.name}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as name:
        new = Path(name) / "lib"
        new.mkdir(mode=0o755)
        done = run_in_container(
            engine,
            image,
            [there[-1].path, "-I", "-c", _LIBRARIES, str(new)],
            cwd=_ROOT,
            env={},
            writable=(new,),
            limits=_LOOK,
        )
        if done.returncode != 0:
            raise ToolError(f"cannot copy its libraries: {done.output.strip()[-300:]}", where=f"image {image.name}")
        if os.getuid() == 0:
            give_away(new, 0)
        try:
            new.rename(folder)
        except OSError:  # another run was faster: the same image, the same libraries
            if not folder.is_dir():
                raise
    return folder
