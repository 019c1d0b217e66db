"""The pips that real hosts have, run straight from their wheels by the Pythons that such hosts have."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from wheelyard.domain.errors import StorageError
from wheelyard.io import files


class Client(NamedTuple):
    """An installer: pip of a version on a Python, or uv."""

    pip: str
    """Version; ``newest`` for this environment's own; ``uv``."""
    python: str


CLIENTS = (
    Client("9.0.3", "3.6"),
    Client("20.2.4", "3.9"),
    Client("21.2.3", "3.9"),
    Client("23.3.2", "3.12"),
    Client("newest", "3.11"),
    Client("uv", "3.11"),
)


def interpreter(python: str) -> str:
    """Return an interpreter of this version, or skip the test."""
    if python == "{}.{}".format(*sys.version_info):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in sorted(root.glob(f"{python}.*/bin/python")):
        return str(found)
    if found_on_path := shutil.which(f"python{python}"):
        return found_on_path
    pytest.skip(f"there is no Python {python} here")


def pip_wheel(version: str) -> Path:
    """Return pip's wheel of this version, downloaded once a machine."""
    folder = Path(tempfile.gettempdir()) / f"wheelyard-tests-pips-{os.getuid()}"
    wheel = folder / f"pip-{version}-py2.py3-none-any.whl"
    wheel = wheel if version < "22" or version.startswith("9.") else folder / f"pip-{version}-py3-none-any.whl"
    with contextlib.suppress(StorageError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if not wheel.exists():
            with tempfile.TemporaryDirectory(dir=folder) as aside:
                command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", aside, f"pip=={version}"]
                subprocess.run([*command, "--disable-pip-version-check"], check=True)
                files.copy(next(Path(aside).glob("pip-*.whl")), folder / next(Path(aside).glob("pip-*.whl")).name)
    return next(folder.glob(f"pip-{version}-*.whl"))


def install(client: Client, target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client's ``install --target``, without the network's index and without anybody's configuration."""
    python = interpreter(client.python)
    # PIP_CONFIG_FILE as os.devnull: no configuration at all; pip 9 needs a home to write to.
    environment = {"PATH": os.environ["PATH"], "HOME": str(target.parent), "PIP_CONFIG_FILE": os.devnull}
    if client.pip == "uv":
        command = ["uv", "pip", "install", "--no-config", "--no-cache", "--python", python, "--target", str(target)]
        command[0] = str(Path(sys.executable).with_name("uv"))
        environment["UV_OFFLINE"] = "0"
    else:
        runner = ["-m", "pip"] if client.pip == "newest" else [str(pip_wheel(client.pip) / "pip")]
        common = ["install", "--disable-pip-version-check", "--no-cache-dir", "--target", str(target)]
        command = [python, *runner, *common]
    return subprocess.run(
        [*command, *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1800,
    )


def installed(target: Path) -> set[str]:
    """Return ``name-version`` of everything installed."""
    return {path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info")}
