"""Real packages from the index, compiled for systems that this machine is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cross_targets import Build, cross
from tests.support.downloads import environment
from wheelyard.store.blobs import Store

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("cross")]


def sdist(folder: Path, requirement: str, *flags: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    # pip asks the backend for metadata; without isolation it runs what is here instead of fetching one.
    flags = flags or ("--no-build-isolation",)
    done = subprocess.run(
        [*command, *flags, "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the index has it not: {done.stderr.strip()[-300:]}")
    name = requirement.partition("==")[0].replace("-", "_").lower()
    return next(path for path in folder.glob("*.tar.gz") if path.name.lower().startswith(name))


def test_markupsafe_for_both_kinds_of_mac(build: Build, store: Store, tmp_path: Path) -> None:
    needs = environment(store, tmp_path, "setuptools==80.9.0")
    wheel = build(sdist(tmp_path, "markupsafe==3.0.2"), cross("macosx_10_13_universal2", "3.12"), needs=needs)
    assert wheel.filename.endswith("-cp312-cp312-macosx_10_13_universal2.whl")
