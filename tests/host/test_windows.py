"""A folder for Windows in a wheelhouse: hosts there take it; install.py checks it and leaves it to pip."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.installers import pip_wheel
from tests.support.pythons import need
from tests.support.signed_wheelhouses import house, key
from wheelyard.bundle.manifest import TargetInfo
from wheelyard.host.choice import choose
from wheelyard.host.machine import HostFacts, in_words
from wheelyard.host.refusal import Refused

TAGS = ("win_amd64", "win_arm64", "win32", "manylinux_2_17_x86_64")


def folders(*platforms: str, python: str = "3.12", pip: str | None = None) -> list[TargetInfo]:
    return [
        TargetInfo(
            folder=platform,
            python=python,
            implementation="cpython",
            platform=platform,
            pip=pip,
            variant=None,
            needs={},
            proof="not run",
            python_archive=None,
        )
        for platform in platforms
    ]


def windows(machine: str) -> HostFacts:
    return HostFacts("3.12", "cpython", machine, "windows", (), 0)


@pytest.mark.parametrize(("machine", "folder"), [("amd64", "win_amd64"), ("arm64", "win_arm64"), ("x86", "win32")])
def test_each_python_takes_its_own_folder(machine: str, folder: str) -> None:
    assert choose(folders(*TAGS), windows(machine), None).target.folder == folder
    assert choose(folders(*reversed(TAGS)), windows(machine), None).target.folder == folder
    assert in_words(windows(machine)) == f"Python 3.12, {machine}, Windows"


def test_the_others_are_refused_in_words() -> None:
    linux = HostFacts("3.12", "cpython", "x86_64", "glibc", (2, 36), 1)
    mac = HostFacts("3.12", "cpython", "arm64", "macos", (14,), 0)
    for host, there, said in (
        (linux, "win_amd64", "win_amd64: is for Windows"),
        (mac, "win_arm64", "win_arm64: is for Windows"),
        (windows("amd64"), "win32", "win32: is for x86, and this Python is amd64"),
        (windows("amd64"), "manylinux_2_17_x86_64", "is for Linux with glibc"),
        (windows("amd64"), "linux_amd64", "is for Linux"),
    ):
        with pytest.raises(Refused, match="no folder of this wheelhouse is for this host") as refused:
            choose(folders(there), host, None)
        assert said in str(refused.value)


PRETEND = """\
import argparse, platform, runpy, shutil, subprocess, sys, sysconfig, tempfile, urllib.request, zipfile
sysconfig.get_config_vars()  # read from a file that is named after the system
sys.modules["fcntl"] = None
sys.platform = "win32"
sysconfig.get_platform = lambda: "win-amd64"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_install_py_is_believed_checked_and_leaves_the_rest_to_pip(tmp_path: Path) -> None:
    """The real ``install.py``, in a Python that says it is on Windows, and has no ``fcntl``."""
    python, home = need("3.12"), tmp_path / "home"
    home.mkdir()
    pip = pip_wheel("23.3.2")
    place = tmp_path / "house"
    house(place, targets=folders("win_amd64", python="3.12", pip=pip.name), extra=[pip], key=key())
    command = [python, "-I", "-c", PRETEND, str(place / "install.py"), "--allow-unsigned"]
    done = subprocess.run(command, capture_output=True, text=True, env={"HOME": str(home), "PATH": "/usr/bin"})
    assert done.returncode == 14, done.stderr
    assert "win_amd64: fits" in done.stdout + done.stderr
    assert "does not install on Windows itself" in done.stderr
    assert f"{place / 'targets' / 'win_amd64'}" in done.stderr
    assert "--no-index" in done.stderr
