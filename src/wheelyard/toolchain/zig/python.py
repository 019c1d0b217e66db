"""The Python that runs the build backend of a cross build: one of this machine, or one of an image."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.errors import ToolError
from wheelyard.domain.target import BuildHost, Target
from wheelyard.io import process as door
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import Image
from wheelyard.sandbox.container.launch import run_in_container
from wheelyard.sandbox.container.python import find_python
from wheelyard.sandbox.interpreter import interpreter_folders
from wheelyard.targets import platforms
from wheelyard.targets.here import from_interpreter
from wheelyard.targets.interpreters import Interpreter
from wheelyard.wheels.objects.python_api import exported

_LIMITS = Limits(seconds=300)

# Runs on every Python from 3.6 on. Debian's pyconfig.h only includes that of the CPU: the real one is taken.
_TAKE = r"""
import glob, json, os, re, shutil, sys, sysconfig
into = sys.argv[1]
include = sysconfig.get_paths()["include"]
there = os.path.isfile(os.path.join(include, "pyconfig.h"))
if there:
    for base, _, names in os.walk(include):
        for name in names:
            if name.endswith(".h"):
                path = os.path.join(into, "include", os.path.relpath(os.path.join(base, name), include))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                shutil.copyfile(os.path.join(base, name), path)
    config = os.path.join(into, "include", "pyconfig.h")
    with open(config) as stream:
        real = re.search(r"#\s*include <([\w.-]+/python[\w.]+/pyconfig\.h)>", stream.read())
    for base in (os.path.join(sys.base_prefix, "include"), "/usr/include"):
        if real and os.path.isfile(os.path.join(base, real.group(1))):
            shutil.copyfile(os.path.join(base, real.group(1)), config)
            break
program = os.path.realpath(sys.executable)
found = [program]
for folder in (os.path.join(sys.base_prefix, "lib"), sysconfig.get_config_var("LIBDIR") or sys.base_prefix):
    found += glob.glob(os.path.join(folder, "lib%s*.so*" % os.path.basename(program)))
os.makedirs(os.path.join(into, "program"))
for number, path in enumerate(found):
    shutil.copyfile(path, os.path.join(into, "program", str(number)))
print(json.dumps([there, sys.base_prefix, getattr(sys, "abiflags", "")]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """What extension modules are compiled against and linked with: copies of a Python's own files."""

    include: Path
    """Folder of its headers, ``pyconfig.h`` among them."""
    prefix: str
    """Where that Python is: never to be compiled against."""
    abiflags: str
    """``m`` before 3.8, ``t`` where free-threaded."""
    exported: frozenset[str]
    """The names of its C API; empty where neither program nor library tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPython:
    """A Python of the target's version, where builds run."""

    path: str
    """As the sandbox sees it."""
    python: str
    """``X.Y``, with ``t`` behind it for a free-threaded build."""
    version: str
    """``X.Y.Z``."""
    machine: Target
    """What its own extension modules are compiled for: those of build requirements."""
    folders: tuple[Path, ...]
    """Folders of this machine that it needs, beyond the system's."""
    origin: str = ""
    """The image's identity; empty: this machine."""
    compiler: str = ""
    """The C compiler beside it, which compiles for the machine that builds; empty: there is none."""
    run: Callable[[str, Path], Completed]
    """Runs a script on it, which is given one folder that it may write."""

    def development(self, scratch: Path) -> Development:
        """Return its development files, copied below an empty folder.

        :raises ToolError: if it does not run.
        """
        done = self.run(_TAKE, scratch)
        try:
            there, prefix, abiflags = json.loads(done.output.strip().rpartition("\n")[2])
        except ValueError as error:
            said = (done.errors or done.output).strip()[-300:] or "no message"
            raise ToolError(f"does not say where its headers are: {said}", where=self.path) from error
        return Development(
            include=scratch / "include" if there else scratch,
            prefix=prefix,
            abiflags=abiflags,
            exported=exported(sorted((scratch / "program").iterdir())),
        )


def of_this_machine(interpreter: Interpreter, target: Target, compiler: str) -> BuildPython:
    """Return an interpreter of this machine as the one that builds for a target."""
    path = interpreter.path
    return BuildPython(
        path=path,
        python=interpreter.python,
        version=interpreter.version,
        machine=from_interpreter(interpreter, name=f"{target.name}-build"),
        folders=interpreter_folders(Path(path)),
        compiler=compiler,
        run=lambda script, folder: door.run([path, "-I", "-c", script, str(folder)], timeout=_LIMITS.seconds),
    )


def of_image(engine: Engine, image: Image, target: Target) -> BuildPython:
    """Return an image's interpreter as the one that builds for a target.

    :raises ToolError: if the image has none of the target's version.
    """
    found, folders = find_python(engine, image, target)

    def run(script: str, folder: Path) -> Completed:
        argv = (found.path, "-I", "-c", script, str(folder))
        command = Command(argv=argv, cwd=folder, readable=folders, writable=(folder,), limits=_LIMITS)
        return run_in_container(engine, image, command)

    return BuildPython(
        path=found.path,
        python=found.python,
        version=found.version,
        machine=Target(
            name=f"{target.name}-build",
            python=found.python,
            python_full=found.version,
            implementation=found.implementation,
            platform=platforms.parse(found.platform).tag,
            # It runs on this machine only; compilers of newer images ask for that much by themselves.
            cpu_level="x86-64-v2" if found.platform.endswith("_x86_64") else None,
            build=BuildHost(image=image.pinned),
        ),
        folders=folders,
        origin=image.identity,
        compiler=found.compiler,
        run=run,
    )
