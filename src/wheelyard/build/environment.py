"""A build environment: a venv of the target's interpreter with exactly the locked wheels, made without running pip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

import installer
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile

from wheelyard.domain.command import Command, Limits
from wheelyard.domain.errors import BuildError, ToolError, WheelError
from wheelyard.io import beneath
from wheelyard.sandbox.interpreter import interpreter_folders
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.wheels import overlay
from wheelyard.wheels.read import read_facts

_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")

# Runs on every Python from 3.6 on; the only answer that counts is what the target's own interpreter says.
_PATHS = """\
import json, sys, sysconfig
paths = sysconfig.get_paths()
paths["headers"] = sys.prefix + "/include/site/python" + sysconfig.get_python_version()
with open(sys.argv[1], "w") as stream:
    json.dump({name: paths[name] for name in ("purelib", "platlib", "headers", "scripts", "data")}, stream)
"""
_LIMITS = Limits(seconds=120)
_NONE: Mapping[str, Path] = MappingProxyType({})


def create(
    folder: Path,
    interpreter: Path,
    wheels: Mapping[str, Path] | Sequence[Path],
    sandbox: Sandbox,
    *,
    log: Path,
    root: Path | None = None,
    readable: Sequence[Path] | None = None,
    limits: Limits = _LIMITS,
    for_target: Mapping[str, Path] = _NONE,
) -> Path:
    """Make a virtual environment with the given wheels and return its interpreter.

    :param folder: where to make it; replaced if there is one.
    :param interpreter: of the target; a path inside the sandbox.
    :param wheels: with hashes that were checked; by file name where the path does not end in it (a blob of the store).
    :param root: the writable folder of the build, if ``folder`` is part of a bigger one.
    :param readable: what the interpreter needs to be seen; found by itself for one of this machine.
    :param for_target: wheels, by file name, of which only headers and libraries are put over those of ``wheels``.
    :raises ToolError: if the interpreter does not run or makes no environment.
    :raises WheelError: if a wheel cannot be installed.
    """
    beneath.remove(folder)
    folder.mkdir(parents=True)
    base = root or folder
    seen = interpreter_folders(interpreter) if readable is None else tuple(readable)
    env = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": str(base), "TMPDIR": str(base)}
    bare = Command(argv=(), cwd=base, env=env, readable=seen, writable=(base,), limits=limits, log=log)

    def run(*argv: str) -> None:
        done = sandbox.run(replace(bare, argv=argv))
        if done.returncode != 0:
            raise ToolError(
                f"cannot make a build environment: {done.output.strip()[-500:] or 'no message'}",
                where=str(interpreter),
                hint="does this interpreter run, and is its venv module installed (python3-venv)?",
                log=log,
            )

    run(str(interpreter), "-I", "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    answer = folder / "paths.json"
    run(str(python), "-I", "-c", _PATHS, str(answer))
    scheme = cast("dict[str, str]", json.loads(answer.read_text()))
    answer.unlink()
    if any(not Path(scheme[name]).resolve().is_relative_to(folder.resolve()) for name in _SCHEMES):
        raise BuildError("the interpreter's folders are outside its environment", where=str(interpreter), log=log)
    named = wheels if isinstance(wheels, Mapping) else {path.name: path for path in wheels}
    for filename, path in named.items():
        _install(filename, path, _own(scheme, filename), python)
    for filename, path in for_target.items():
        overlay.lay(filename, path, _own(scheme, filename))
    for script in Path(scheme["scripts"]).iterdir():
        if not script.is_symlink() and script.is_file():
            script.chmod(0o755)  # pip does so whatever the archive says
    return python


def seen_from(python: Path, root: Path) -> tuple[Path, ...]:
    """Return the folders outside of a workspace that the interpreter of its environment needs to be seen.

    Ask before other people's code runs: what the interpreter is may be changed then.
    """
    return tuple(path for path in interpreter_folders(python) if not path.is_relative_to(root))


def _own(scheme: Mapping[str, str], filename: str) -> dict[str, str]:
    """Return the folders of one project: its headers have one of their own, as pip has it."""
    return {**scheme, "headers": f"{scheme['headers']}/{filename.partition('-')[0]}"}


def _install(filename: str, path: Path, scheme: Mapping[str, str], python: Path) -> None:
    """Put one wheel into an environment, whatever Python that is of."""
    read_facts(path, filename=filename)  # our own process writes its members: none may lead out
    destination = SchemeDictionaryDestination(
        dict(scheme),
        interpreter=str(python),
        script_kind="posix",
        overwrite_existing=True,
    )
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            archive.filename = filename
            installer.install(WheelFile(archive), destination, additional_metadata={})
    except (InstallerError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise WheelError(f"cannot be installed into a build environment: {error}", where=filename) from error
