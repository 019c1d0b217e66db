"""The main job on the oldest Pythons that there are of ours: Debian 12's 3.11.2 has a tarfile without filters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.support.sdists import sdist
from tests.support.yard import Yard


def without_filters() -> list[str]:
    """Return the Pythons of our own minor version here whose ``tarfile`` knows no extraction filters."""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folders = [*os.get_exec_path(), "/usr/bin"]  # a version manager's shims may stand before the system's own
    there = {path: None for folder in folders if (path := shutil.which(f"python{ours}", path=folder))}
    asked = [sys.executable, *there]
    question = "import tarfile; raise SystemExit(hasattr(tarfile, 'data_filter'))"
    return [path for path in asked if subprocess.run([path, "-c", question], check=False).returncode == 0]


def test_an_sdist_is_built_without_tarfiles_filters(yard: Yard) -> None:
    pythons = without_filters()
    if not pythons:
        pytest.skip("every Python 3.11 here has the filters of tarfile")
    sdist(yard.shop, "plain", plain__py="ANSWER = 42\n")
    yard.write("plain\n")
    # The same minor version loads the same compiled modules: what we need is taken from beside us.
    ours = os.pathsep.join([sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("/src"))])
    done = subprocess.run(
        [pythons[0], "-m", "wheelyard", "build", "--json"],
        cwd=yard.root,
        env={**yard.environment, "PYTHONPATH": ours},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = (event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "summary")
    assert summary["built"] == 1
    assert [path.name for path in yard.folder.glob("plain*.whl")] == ["plain-1.0-py3-none-any.whl"]
