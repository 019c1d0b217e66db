"""What pages say to write down for pip and uv, and to type for pip-tools, works: from a disk and from a server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pythons import need
from tests.support.shop import Shop, folder
from tests.support.web_servers import own
from wheelyard.domain.site import Folder, Site
from wheelyard.targets import commands
from wheelyard.targets.commands import Access, CommandBlock

TOOLS = Path(sys.executable).parent


@pytest.fixture
def house(tmp_path: Path) -> tuple[Path, Folder]:
    shop = Shop(tmp_path / "a folder")
    made = folder("el9", [shop.entry("alpha")])
    shop.publish(Site(folders=(made,)))
    return shop.into, made


@pytest.fixture(params=["disk", "server"])
def access(request: pytest.FixtureRequest, house: tuple[Path, Folder], tmp_path: Path) -> Iterator[Access]:
    if request.param == "disk":
        yield Access(root=str(house[0]))
        return
    with own(house[0], tmp_path) as url:
        # Another name for this machine, which pip does not take for a loopback address.
        yield Access(root=url.replace("127.0.0.1", "0.0.0.0"))


def typed(line: str, home: Path) -> None:
    """Type a line in the home, with an environment for Python 3.9 that is active."""
    environment = {
        "HOME": str(home),
        "PATH": f"{home}/venv/bin:{TOOLS}:/usr/bin:/bin",
        "VIRTUAL_ENV": str(home / "venv"),
    }
    done = subprocess.run(["bash", "-c", line], cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    subprocess.run([need("3.9"), "-m", "venv", tmp_path / "home/venv"], check=True)
    return tmp_path / "home"


def written(block: CommandBlock, home: Path) -> None:
    path = home / (block.file or "").removeprefix("~/")
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(block.lines) + "\n")


def installed(home: Path) -> bool:
    return subprocess.run([home / "venv/bin/python", "-c", "import alpha"], check=False).returncode == 0


@pytest.mark.parametrize(("name", "line"), [("pip.conf", "pip install alpha"), ("uv.toml", "uv pip install alpha")])
def test_configuration(name: str, line: str, house: tuple[Path, Folder], access: Access, home: Path) -> None:
    blocks = commands.set_up(commands.route(house[1]), access, install_py=False)
    (block,) = [each for each in blocks if each.file and each.file.endswith(name)]
    written(block, home)
    typed(line, home)
    assert installed(home)


@pytest.mark.parametrize(("name", "line"), [("pip.conf", "pip install alpha"), ("uv.toml", "uv pip install alpha")])
def test_configuration_for_the_whole_site(
    name: str, line: str, house: tuple[Path, Folder], home: Path, tmp_path: Path
) -> None:
    with own(house[0], tmp_path) as url:
        blocks = commands.set_up_site(Access(root=url.replace("127.0.0.1", "0.0.0.0")))
        (block,) = [each for each in blocks if each.file and each.file.endswith(name)]
        written(block, home)
        typed(line, home)
    assert installed(home)


def test_by_name(house: tuple[Path, Folder], home: Path, tmp_path: Path) -> None:
    with own(house[0], tmp_path) as url:
        step = commands.by_name(Access(root=url.replace("127.0.0.1", "0.0.0.0")))
        typed(commands.line(step).replace("NAME", "alpha"), home)
    assert installed(home)


def test_pip_tools(house: tuple[Path, Folder], access: Access, home: Path) -> None:
    blocks = commands.set_up(commands.route(house[1]), access, install_py=False)
    (block,) = [each for each in blocks if each.title == "pip-tools"]
    if not (TOOLS / "pip-sync").exists():
        pytest.skip("pip-tools is not installed")
    # It is this Python's program, and is told whose environment is meant.
    first, last = block.lines[:-1], block.lines[-1].replace("pip-sync", "pip-sync --python-executable venv/bin/python")
    python = Path(need("3.9")).parent
    typed("\n".join([f"export PATH=$PATH:{python}", "set -e", *first, last]), home)
    assert installed(home)
