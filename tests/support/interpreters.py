"""Running real interpreters and pips in tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wheelyard.domain.target import Target
from wheelyard.targets.interpreters import Interpreter, find

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")

_ASK_TAGS = """
import sys
sys.path[:0] = sys.argv[1:]
try:
    from pip._internal.utils.compatibility_tags import get_supported
except ImportError:
    try:
        from pip._internal.pep425tags import get_supported
    except ImportError:
        from pip.pep425tags import get_supported
for tag in get_supported():
    print('-'.join(tag) if isinstance(tag, tuple) else str(tag))
"""
_ASK_MARKERS = """
import json
from pip._vendor.packaging.markers import default_environment
print(json.dumps(default_environment()))
"""


def interpreter(python: str) -> Interpreter:
    found = find(Target(name="x", python=python, python_full=f"{python}.0", platform="linux_x86_64"))
    if found is None:
        pytest.skip(f"no Python {python} on this machine")
    return found


def ask(python: Interpreter, script: str, *arguments: str) -> str:
    command = [python.path, "-W", "ignore", "-c", script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def pip_version(python: Interpreter) -> str:
    return ask(python, "import pip; print(pip.__version__)").strip()


def pip_tags(python: Interpreter, pip_wheel: Path | None = None) -> list[str]:
    """The tags that a pip (by default the interpreter's own) says it supports, best first."""
    return ask(python, _ASK_TAGS, *([str(pip_wheel)] if pip_wheel else [])).split()


def markers(python: Interpreter) -> dict[str, str]:
    found: dict[str, str] = json.loads(ask(python, _ASK_MARKERS))
    return found
