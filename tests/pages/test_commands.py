"""The commands on the pages are those of the one module, with the place where the pages lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser
from tests.support.shop import Shop, folder
from tests.support.web_servers import own
from wheelyard.domain.site import Folder, Site
from wheelyard.targets import commands, presets
from wheelyard.targets.commands import Access

pytestmark = pytest.mark.xdist_group("browser")

SAID = "[...document.querySelectorAll('[data-at=\"%s\"] .command code')].map(code => code.textContent)"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Folder, ...]]:
    """A wheelhouse below a path with a blank: for a host with pip, one whose pip is carried, and one under PEP 668."""
    shop = Shop(tmp_path_factory.mktemp("pages of commands"))
    alpha, pip = shop.entry("alpha"), shop.entry("pip", "21.3.1").wheel
    made = (
        folder("el9", [alpha]),
        replace(folder("el8", [alpha]), target=presets.target("el8"), pip=pip),
        replace(folder("debian12", [alpha]), target=presets.target("debian12"), pip=pip),
        replace(folder("el9.v3", [alpha], variant="v3"), needs={"simd": "x86-64-v3"}),
    )
    shop.publish(Site(folders=made, documents={"install.py": b"# nothing\n"}))
    return shop.into, made


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


def blocks(made: Folder, access: Access) -> list[str]:
    found = commands.set_up(commands.route(made), access, install_py=True)
    return ["\n".join(block.lines) for block in found]


def one(made: Folder, access: Access) -> list[str]:
    return ["\n".join(commands.lines(commands.install(commands.route(made), access, "alpha==1.0")))]


def test_pages_of_a_disk(folders: tuple[Path, tuple[Folder, ...]], tab: Browser) -> None:
    root, published = folders
    assert " " in str(root)
    for made in published:
        tab.open((root / "targets" / made.name / "index.html").as_uri())
        assert tab.js(SAID % "disk") == blocks(made, Access(root=str(root)))
    tab.open((root / "projects/alpha.html").as_uri())
    assert tab.js(SAID % "disk") == [line for made in published for line in one(made, Access(root=str(root)))]


@pytest.mark.parametrize("host", ["wheels.example", "127.0.0.1"])
def test_pages_of_a_server(host: str, folders: tuple[Path, tuple[Folder, ...]], tab: Browser, tmp_path: Path) -> None:
    root, published = folders
    with own(root, tmp_path) as url:
        access = Access(root=url.replace("127.0.0.1", host))
        assert access.untrusted_host == (host if host == "wheels.example" else None)
        for made in published:
            tab.open(access.at(f"targets/{made.name}/"))
            assert tab.js(SAID % "server") == blocks(made, access)
        tab.open(access.at("projects/alpha.html"))
        assert tab.js(SAID % "server") == [line for made in published for line in one(made, access)]
        tab.open(access.at("index.html"))
        expected = ["\n".join(block.lines) for block in commands.set_up_site(access)]
        assert tab.js(SAID % "server") == expected
