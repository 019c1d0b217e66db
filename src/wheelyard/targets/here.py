"""This machine as a target."""

from __future__ import annotations

import platform
import re
import sysconfig
from dataclasses import replace
from pathlib import Path

from wheelyard.domain.target import BuildHost, Target
from wheelyard.targets import presets
from wheelyard.targets.interpreters import Interpreter, running


def this_machine() -> Target:
    """Return the target that stands for this machine: the Python that runs this code, its platform, the newest pip."""
    managed = (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists()
    return replace(from_interpreter(running()), externally_managed=managed)


def from_interpreter(interpreter: Interpreter, name: str | None = None) -> Target:
    """Return a target that an interpreter of this machine is a host of."""
    return Target(
        name=name or default_name(interpreter.python, interpreter.platform, interpreter.implementation),
        python=interpreter.python,
        python_full=interpreter.version,
        platform=interpreter.platform,
        implementation=interpreter.implementation,
        build=BuildHost(interpreter=interpreter.path),
        cpu_level=_cpu_level() if interpreter.platform.endswith("_x86_64") else None,
    )


def _cpu_level() -> str | None:
    """Return the level that this machine's distribution needs, and its compiler takes for granted."""
    try:
        name = platform.freedesktop_os_release().get("PLATFORM_ID", "").removeprefix("platform:")
    except OSError:  # another system
        return None
    preset = presets.presets().get(name)
    return preset.cpu_level if preset else None


def default_name(python: str, platform_tag: str, implementation: str = "cpython") -> str:
    """Return a name for a target that was given none: ``cp311-manylinux_2_36_x86_64``."""
    short = {"cpython": "cp", "pypy": "pp"}.get(implementation, implementation)
    return re.sub(r"[^a-z0-9_-]", "", f"{short}{python.replace('.', '')}-{platform_tag}".lower())
