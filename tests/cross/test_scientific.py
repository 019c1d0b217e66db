"""The scientific stack for a Mac, locked on Linux by the Mac's own markers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wheelyard.lock import pylock

pytestmark = [pytest.mark.network, pytest.mark.slow]

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "scientific.in"


def lock(folder: Path, platform: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(REQUIREMENTS, folder)
    (folder / "wheelyard.toml").write_text(
        'requirements = ["scientific.in"]\n[[target]]\nname = "mac"\npython = "3.12"\n' + f'platform = "{platform}"\n'
    )
    command = [sys.executable, "-m", "wheelyard", "lock"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_complete_by_its_own_markers(tmp_path: Path) -> None:
    done = lock(tmp_path, "macosx_12_0_arm64")
    if done.returncode == 6:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    packages = {
        each.name: each for each in pylock.loads((tmp_path / "pylock.mac.toml").read_text(), where="pylock").packages
    }
    assert {"numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "jupyterlab"} <= packages.keys()
    assert "appnope" in packages, "ipykernel asks for it on macOS only"
    assert all(each.how == "fetch" for each in packages.values())


def test_what_has_no_wheel_for_so_old_a_mac_is_named(tmp_path: Path) -> None:
    """scikit-learn's own wheels for ARM begin with macOS 12."""
    done = lock(tmp_path, "macosx_11_0_arm64")
    if done.returncode == 6:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 5, done.stdout + done.stderr
    assert "scikit-learn" in done.stderr
    assert "macosx_12_0_arm64" in done.stderr
    assert not (tmp_path / "pylock.mac.toml").exists()
