"""Across the gap into a real container: a plain host image, no network, an ordinary user, an old and a new pip."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.bundles import pack
from tests.support.images import Image
from tests.support.pythons import need
from tests.support.signed_wheelhouses import key, published
from wheelyard.domain.command import Command
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import resolve
from wheelyard.sandbox.container.launch import run_in_container

pytestmark = [pytest.mark.container, pytest.mark.network, pytest.mark.xdist_group("containers")]


@pytest.mark.parametrize(("version", "pip"), [("3.6", "9.0.3"), ("3.12", "")])
def test_a_bundle_installs(version: str, pip: str, tmp_path: Path, old_pip: Path, engine: Engine, image: Image) -> None:
    python = Path(need(version)).resolve()
    published(tmp_path / "house")
    disk = tmp_path / "disk"
    disk.mkdir()
    pack(tmp_path / "house", disk / "bundle.tar", keys=[key()])
    shutil.copy(key().with_suffix(".pub"), disk)
    home = tmp_path / "home"
    home.mkdir()
    folder = "py" + version.replace(".", "")
    install = f"{python} -m pip install --user --no-index --require-hashes -f wheelhouse-1/targets/{folder}"
    commands = [
        "test $(id -u) != 0; ! command -v cc",
        f"! {python} -c \"import socket; socket.create_connection(('192.0.2.1', 80), 1)\"",
        f"tar -xf {disk}/bundle.tar",
        f"{python} wheelhouse-1/install.py --trust {disk}/{key().name}.pub",
        ".local/bin/alpha",
        f"{python} wheelhouse-1/install.py --uninstall",
        "! test -e .local/bin/alpha",
        f"{install} -r wheelhouse-1/targets/{folder}/requirements.txt",
        ".local/bin/alpha",
    ]
    environment = {"HOME": str(home), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    if pip:  # the user's own pip comes before the interpreter's
        shutil.copytree(old_pip, home / ".local" / "lib" / f"python{version}" / "site-packages")
    done = run_in_container(
        engine,
        resolve(engine, image("host"), "x86_64"),
        Command(
            argv=("bash", "-eux", "-c", "\n".join(commands)),
            cwd=home,
            env=environment,
            readable=(disk, python.parents[1]),
            writable=(home,),
            log=tmp_path / "log",
        ),
    )
    assert done.returncode == 0, done.output
    assert done.output.count("alpha with beta 1.0") >= 2
    assert f"chosen: targets/{folder}" in done.output
    assert f"with: pip {pip}" in done.output
