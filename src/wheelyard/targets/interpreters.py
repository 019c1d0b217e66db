"""Interpreters of this machine that can stand for a target's Python."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from platform import mac_ver, machine

from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.domain.target import Target
from wheelyard.io.process import run
from wheelyard.targets import platforms

_TIMEOUT = 30.0

# Runs on Python 3.6 and must not import anything that a minimal installation lacks.
_PROBE = r"""
import json, os, platform, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    libc = None
try:
    import venv, ensurepip
    has_venv = True
except ImportError:
    has_venv = False
executable = sys.executable
if sys.prefix != sys.base_prefix:
    # A virtual environment goes when its owner pleases: take the Python that it was made from.
    executable = getattr(sys, "_base_executable", None) or executable
headers = os.path.join(sysconfig.get_paths()["include"], "Python.h")
print(json.dumps({
    "full": "%d.%d.%d" % sys.version_info[:3],
    "level": sys.version_info[3],
    "python": "%d.%d%s" % (sys.version_info[0], sys.version_info[1],
                           "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    "implementation": sys.implementation.name,
    "platform": sysconfig.get_platform().replace("-", "_").replace(".", "_"),
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "libc": libc,
    "has_venv": has_venv,
    "has_headers": os.path.isfile(headers),
    "executable": executable,
    "mac": platform.mac_ver()[0],
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that was run and asked what it is."""

    path: str
    """What it says of itself: behind a shim or a virtual environment, the real one."""
    version: str
    """``X.Y.Z``."""
    python: str
    """``X.Y``, with ``t`` behind it for a free-threaded build: comparable with ``Target.python``."""
    implementation: str
    platform: str
    """The newest platform tag that it accepts: ``manylinux_2_36_x86_64``."""
    glibc: tuple[int, int] | None
    """None: not linked with glibc."""
    has_venv: bool
    """Whether ``venv`` and ``ensurepip`` are there (Debian leaves them out)."""
    has_headers: bool
    """Whether ``Python.h`` is there, which C extensions need."""


def probe(path: str) -> Interpreter:
    """Run the interpreter at ``path`` once and return what it says it is; kept in memory until the file changes.

    :raises ToolError: if it does not run or does not answer.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise ToolError(
            f"no interpreter there: {error.strerror}", where=path, hint="give the path of a python3 executable"
        ) from error
    return _probe(path, changed)


@functools.lru_cache(maxsize=128)
def _probe(path: str, changed: int) -> Interpreter:  # noqa: ARG001  (part of the cache's key)
    ended = run([path, "-I", "-c", _PROBE], timeout=_TIMEOUT)
    try:
        said = json.loads(ended.output.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        last = (ended.errors or ended.output).strip().splitlines()[-1:] or ["no answer"]
        raise ToolError(f"not a working Python: {last[0]}", where=path, hint="choose another interpreter") from error
    glibc = _glibc(said["libc"])
    return Interpreter(
        path=said["executable"] or path,
        version=said["full"],
        python=said["python"],
        implementation=said["implementation"],
        platform=_platform(said["platform"], said["bits"], glibc, said["mac"]),
        glibc=glibc,
        has_venv=said["has_venv"],
        has_headers=said["has_headers"],
    )


def running() -> Interpreter:
    """Return the interpreter that runs this code, or the one its virtual environment was made from, without a probe."""
    executable = sys.executable
    if sys.prefix != sys.base_prefix:
        executable = getattr(sys, "_base_executable", None) or executable
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):
        libc = None
    glibc = _glibc(libc)
    said = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    threads = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return Interpreter(
        path=executable,
        version=".".join(map(str, sys.version_info[:3])),
        python=f"{sys.version_info[0]}.{sys.version_info[1]}{threads}",
        implementation=sys.implementation.name,
        platform=_platform(said, 64 if sys.maxsize > 2**32 else 32, glibc, mac_ver()[0]),
        glibc=glibc,
        has_venv=importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None,
        has_headers=Path(sysconfig.get_paths()["include"], "Python.h").is_file(),
    )


def _glibc(text: str | None) -> tuple[int, int] | None:
    if not text or not text.startswith("glibc "):
        return None
    parts = text.removeprefix("glibc ").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) >= 2 and all(part.isdigit() for part in parts[:2]) else None


def _platform(said: str, bits: int, glibc: tuple[int, int] | None, mac: str) -> str:
    cpu = said.split("_", 1)[1] if said.startswith("linux_") else said.rpartition("_")[2]
    if said.startswith("macosx"):
        major, minor = (int(part) for part in (mac + ".0").split(".")[:2])
        return f"macosx_{major}_{minor if major == 10 else 0}_{machine()}"
    if bits == 32:  # a 32-bit Python on a 64-bit kernel
        cpu = {"x86_64": "i686", "aarch64": "armv7l"}.get(cpu, cpu)
    if glibc is not None:
        return f"manylinux_{glibc[0]}_{glibc[1]}_{cpu}"
    musl = _musl()
    return f"musllinux_{musl[0]}_{musl[1]}_{cpu}" if musl else f"linux_{cpu}"


def _musl() -> tuple[int, int] | None:
    """Return the version of this machine's musl: its loader tells it when it is run without arguments."""
    for loader in sorted(Path("/lib").glob("ld-musl-*.so.1")):
        if match := re.search(r"Version (\d+)\.(\d+)", run([loader], merge=True, timeout=_TIMEOUT).output):
            return int(match[1]), int(match[2])
    return None


def find(target: Target) -> Interpreter | None:
    """Return an interpreter of this machine that is the target's Python, or None where there is none.

    ``target.build.interpreter`` is taken if it is given; else ``pythonX.Y`` of PATH, pyenv's versions, ``/opt/python``
    and ``/usr/bin`` are asked. A shim that leads nowhere is passed over. Only Python and implementation are compared:
    whether a wheel for the target's platform runs here is another question (``runs_here``).

    :raises ToolError: if the given interpreter does not run.
    :raises ConfigError: if the given interpreter is another Python than the target's.
    """
    if target.build.interpreter is not None:
        path = shutil.which(target.build.interpreter) or target.build.interpreter
        found = probe(str(Path(path).expanduser()))
        if not _stands_for(found, target):
            raise ConfigError(
                f"{path} is {found.implementation} {found.python}, "
                f"but the target wants {target.implementation} {target.python}",
                where=f"target {target.name}: interpreter",
                hint=f"point it to a Python {target.python}, or leave it out to have one looked for",
            )
        return found
    for path in _candidates(target.python, target.implementation):
        try:
            found = probe(path)
        except ToolError:
            continue
        if _stands_for(found, target):
            return found
    return None


def _stands_for(interpreter: Interpreter, target: Target) -> bool:
    return (interpreter.python, interpreter.implementation) == (target.python, target.implementation)


def _candidates(python: str, implementation: str) -> Iterator[str]:
    """Yield paths worth asking, without those that were yielded already."""
    seen: set[str] = set()
    for path in _places(python, implementation):
        real = str(Path(path).resolve())
        # A shim is one file for many names: its own path counts, not where it leads.
        key = path if "shims" in Path(path).parts else real
        if key not in seen and os.access(path, os.X_OK):
            seen.add(key)
            yield path


def _places(python: str, implementation: str) -> Iterator[str]:
    name = f"pypy{python}" if implementation == "pypy" else f"python{python}"
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    yield from (str(Path(folder) / name) for folder in folders)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    plain = python.removesuffix("t")
    yield from reversed(_glob(root, f"versions/*{plain}*/bin/python"))
    yield from _glob(Path("/opt/python"), "*/bin/python")
    yield f"/usr/bin/{name}"


def _glob(folder: Path, pattern: str) -> list[str]:
    """Return what is there, in order; nothing where we may not look (another user's home)."""
    try:
        return [str(path) for path in sorted(folder.glob(pattern))]
    except OSError:
        return []


def find_all() -> tuple[Interpreter, ...]:
    """Return one CPython of every version from 3.6 that this machine has, oldest first."""
    found = []
    for minor in range(6, 16):
        for flag in ("", "t") if minor >= 13 else ("",):
            target = Target(name="any", python=f"3.{minor}{flag}", python_full=f"3.{minor}.0", platform="linux_x86_64")
            if interpreter := find(target):
                found.append(interpreter)
    return tuple(found)


def runs_here(interpreter: Interpreter, target: Target) -> bool:
    """Whether wheels for the target's platform run on this interpreter: same system and CPU, C library new enough."""
    mine, wanted = platforms.parse(interpreter.platform), platforms.parse(target.platform)
    if mine.cpu != wanted.cpu:
        return False
    return wanted.family == "linux" or (mine.family == wanted.family and mine.version >= wanted.version)
