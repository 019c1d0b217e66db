"""The tutorial, followed literally: on this machine, and then on a host in a clean container, by an ordinary user."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.images import Image
from tests.support.installers import pip_wheel
from tests.support.packages import make_wheel
from tests.support.pythons import need
from tests.support.yard import Yard
from wheelyard.domain.command import Command
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import resolve
from wheelyard.sandbox.container.launch import run_in_container

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
STICK = "/media/stick"


def lines(heading: str) -> list[str]:
    """Return what is typed below a heading."""
    part = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (section,) = [each for each in part if each.startswith(heading)]
    return re.findall(r"^\$ (.*)$", section, re.MULTILINE)


def on_this_machine(yard: Yard, stick: Path, folder: Path, *headings: str) -> str:
    tools = yard.root / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "wheelyard").write_text(f'#!/bin/sh\nexec {sys.executable} -m wheelyard "$@"\n')
    (tools / "wheelyard").chmod(0o755)
    typed = [line.replace(STICK, str(stick)) for heading in headings for line in lines(heading)]
    done = subprocess.run(
        ["bash", "-c", "\n".join(["set -eux", *typed])],
        cwd=folder,
        env={**yard.environment, "PATH": f"{tools}:{yard.environment['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.container
@pytest.mark.network
@pytest.mark.xdist_group("containers")
def test_the_tutorial_ends_with_an_installed_host(yard: Yard, tmp_path: Path, engine: Engine, image: Image) -> None:
    python = Path(need("3.9")).resolve()
    for name in ("humanize", "tabulate"):
        make_wheel(yard.shop, name, "1.0")
    shutil.copy(pip_wheel("21.2.3"), yard.shop)
    stick, home, tools = tmp_path / "stick", tmp_path / "host", tmp_path / "tools"
    for folder in (stick, home, tools):
        folder.mkdir()
    (tools / "python3").symlink_to(python)
    said = on_this_machine(yard, stick, yard.root, "1. Build", "2. Sign")
    assert "el9  2 packages" in said
    assert re.search(r"SHA256:\S+ admin", said)
    typed = [line.replace(STICK, str(stick)) for line in lines("3. Install")]
    done = run_in_container(
        engine,
        resolve(engine, image("host"), "x86_64"),
        Command(
            argv=("bash", "-c", "\n".join(["set -eux", "test $(id -u) != 0", *typed])),
            cwd=home,
            env={"HOME": str(home), "LANG": "C.UTF-8", "PATH": f"{tools}:/usr/bin:/bin"},
            readable=(stick, tools, python.parents[1]),
            writable=(home,),
            log=tmp_path / "log",
        ),
    )
    assert done.returncode == 0, done.output
    assert done.output.count("installed 2 packages into") == 2
    make_wheel(yard.shop, "humanize", "1.1")
    on_this_machine(yard, stick, yard.root / "tutorial", "Next time")
    assert (yard.root / "tutorial/update.tar").stat().st_size > 0
