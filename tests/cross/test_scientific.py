"""The scientific stack for a Mac, locked on Linux by the Mac's own markers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cross_targets import cross
from wheelyard.lock import pylock
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("cross")]

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "scientific.in"
EXAMPLE = ROOT / "examples" / "scientific-macos"


def write(folder: Path, platform: str) -> Path:
    shutil.copy(REQUIREMENTS, folder)
    (folder / "wheelyard.toml").write_text(
        'requirements = ["scientific.in"]\n[[target]]\nname = "mac"\npython = "3.12"\n' + f'platform = "{platform}"\n'
    )
    return folder


def lock(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelyard", "lock"]
    environment = {**os.environ, **settings}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 6:
        pytest.skip(done.stderr.strip())
    return done


def test_complete_by_its_own_markers(tmp_path: Path) -> None:
    done = lock(write(tmp_path, "macosx_12_0_arm64"))
    assert done.returncode == 0, done.stdout + done.stderr
    packages = {
        package.name: package
        for package in pylock.loads((tmp_path / "pylock.mac.toml").read_text(), where="pylock").packages
    }
    assert {"numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "jupyterlab"} <= packages.keys()
    assert "appnope" in packages, "ipykernel asks for it on macOS only"
    assert all(package.how == "fetch" for package in packages.values())


def test_what_has_no_wheel_for_so_old_a_mac_is_named(tmp_path: Path) -> None:
    """scikit-learn's own wheels for ARM begin with macOS 12."""
    done = lock(write(tmp_path, "macosx_11_0_arm64"))
    assert done.returncode == 5, done.stdout + done.stderr
    assert "scikit-learn" in done.stderr
    assert "macosx_12_0_arm64" in done.stderr
    assert not (tmp_path / "pylock.mac.toml").exists()


def test_what_has_no_wheel_is_compiled(tmp_path: Path, store: Store) -> None:
    """The example as it stands: compiling the two takes too long for here; docs/cross.md says what came of it."""
    if find(cross("macosx_11_0_arm64")) is None:
        pytest.skip("there is no Python 3.12")
    shutil.copytree(
        EXAMPLE, tmp_path / "examples" / EXAMPLE.name, ignore=shutil.ignore_patterns("pylock.*", "wheelhouse")
    )
    (tmp_path / "requirements").mkdir()
    shutil.copy(REQUIREMENTS, tmp_path / "requirements")
    folder = tmp_path / "examples" / EXAMPLE.name
    done = lock(folder, WHEELYARD_CACHE=str(store.root))  # where Zig has compiled for other tests
    assert done.returncode == 0, done.stdout + done.stderr
    packages = {
        package.name: package
        for package in pylock.loads((folder / "pylock.mac.toml").read_text(), where="pylock").packages
    }
    assert {"numpy", "pandas", "matplotlib", "jupyterlab", "appnope"} <= packages.keys()
    assert {name for name, each in packages.items() if each.how == "build"} == {"scipy", "scikit-learn"}
    needed = {requirement.name: requirement for requirement in packages["scipy"].build_requirements}
    for name in ("numpy", "scipy-openblas32"):
        assert "manylinux" in needed[name].file.filename
        file = needed[name].for_target
        assert file is not None
        assert file.filename.endswith("-macosx_11_0_arm64.whl")
    assert needed["cython"].for_target is None
