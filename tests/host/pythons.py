"""Other interpreters of this machine, to run the offline side's code in."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest


@functools.cache
def find(version: str) -> str | None:
    """Return an interpreter X.Y that can run, or None."""
    places = [shutil.which(f"python{version}")]
    places += [str(path) for path in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))]
    for place in places:
        if place is not None:
            command = [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                return place
    return None


def need(version: str) -> str:
    """Return an interpreter X.Y, or skip the test."""
    found = find(version)
    if found is None:
        pytest.skip(f"no Python {version} here")
    return found
