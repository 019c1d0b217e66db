"""Ages of files, yanks and attestations: the index tells them once, a built wheelhouse ever after."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.installers import Client, install, installed
from tests.support.packages import make_wheel
from tests.support.sdists import sdist
from tests.support.web_servers import own
from tests.support.yard import Yard

OLD = "2020-03-01T12:00:00.123456Z"
SDIST = "2021-06-01T00:00:00Z"
ATTESTED = "https://index.example/integrity/app/provenance"


@pytest.fixture
def aged(yard: Yard) -> Yard:
    """A yard whose index says when its files were uploaded: ``fresh`` a moment ago."""
    make_wheel(yard.shop, "app", "1.0", requires=["lib"])
    make_wheel(yard.shop, "lib", "1.0")
    make_wheel(yard.shop, "fresh", "1.0")
    make_wheel(yard.shop, "taken", "1.0")
    sdist(yard.shop, "made")
    yard.index.json = True
    yard.index.uploaded = {
        "app-1.0-py3-none-any.whl": OLD,
        "lib-1.0-py3-none-any.whl": "2020-03-01T13:00:00+01:00",
        "fresh-1.0-py3-none-any.whl": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "taken-1.0-py3-none-any.whl": OLD,
        "made-1.0.tar.gz": SDIST,
    }
    yard.index.yanked = {"taken-1.0-py3-none-any.whl": "breaks <things>"}
    yard.index.provenance = {"app-1.0-py3-none-any.whl": ATTESTED}
    yard.write("app\nfresh\nmade\ntaken==1.0\n")
    yard.build("--no-prove")
    return yard


def page(yard: Yard, project: str) -> dict[str, object]:
    (file,) = json.loads((yard.wheelhouse / "simple" / project / "index.json").read_text())["files"]
    assert isinstance(file, dict)
    return file


def test_every_page_and_lock_says_what_the_index_said(aged: Yard) -> None:
    assert page(aged, "app")["upload-time"] == OLD
    assert page(aged, "app")["provenance"] == ATTESTED
    assert page(aged, "lib")["upload-time"] == "2020-03-01T12:00:00Z"
    assert page(aged, "made")["upload-time"] == SDIST, "what was compiled here is as old as its sdist"
    assert page(aged, "taken")["yanked"] == "breaks <things>"
    html = (aged.wheelhouse / "simple/taken/index.html").read_text()
    assert 'data-yanked="breaks &lt;things&gt;"' in html
    assert f'data-provenance="{ATTESTED}"' in (aged.folder / "simple/app/index.html").read_text()
    for lock in (next(aged.root.glob("pylock.*.toml")), aged.folder / "pylock.toml"):
        packages = {each["name"]: each for each in tomllib.loads(lock.read_text())["packages"]}
        assert packages["app"]["wheels"][0]["upload-time"] == datetime.fromisoformat(OLD)
        assert packages["taken"]["tool"]["wheelyard"]["yanked"] == "breaks <things>"
    aged.index.uploaded = {}
    before = aged.state()
    aged.build("--no-prove")  # from the lock alone
    assert aged.state() == before


AGES = {"newest": ["--uploaded-prior-to", "P3D"], "uv": ["--exclude-newer", "2023-01-01"]}


def test_stock_installers_leave_out_what_is_too_new(aged: Yard, tmp_path: Path) -> None:
    with own(aged.wheelhouse, tmp_path) as url:
        for pip, age in AGES.items():
            client = Client(pip, "{}.{}".format(*sys.version_info))
            options = ["--index-url", f"{url}simple/", *age]
            target = tmp_path / f"by-{pip}"
            done = install(client, target, *options, "app", "made")
            assert done.returncode == 0, done.stdout + done.stderr
            assert installed(target) == {"app-1.0", "lib-1.0", "made-1.0"}
            refused = install(client, tmp_path / f"not-by-{pip}", *options, "fresh")
            assert refused.returncode != 0
            anyway = install(client, tmp_path / f"any-by-{pip}", "--index-url", f"{url}simple/", "fresh")
            assert anyway.returncode == 0, anyway.stdout + anyway.stderr


def test_an_index_that_tells_no_time_gives_a_wheelhouse_that_tells_none(yard: Yard, tmp_path: Path) -> None:
    make_wheel(yard.shop, "app", "1.0")
    yard.write("app\n")
    yard.build("--no-prove")
    assert "upload-time" not in page(yard, "app")
    assert "upload-time" not in next(yard.root.glob("pylock.*.toml")).read_text()
    with own(yard.wheelhouse, tmp_path) as url:
        for pip, age in AGES.items():
            client = Client(pip, "{}.{}".format(*sys.version_info))
            refused = install(client, tmp_path / f"by-{pip}", "--index-url", f"{url}simple/", *age, "app")
            assert refused.returncode != 0
            assert "upload" in refused.stdout


def test_a_file_of_an_index_in_a_folder_was_not_added_by_hand(yard: Yard) -> None:
    shelf = yard.root / "shelf" / "simple" / "lib"
    wheel = make_wheel(shelf, "lib", "1.0")
    (shelf / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    make_wheel(yard.shop, "app", "1.0", requires=["lib"])
    yard.write("app\n")
    with (yard.root / "wheelyard.toml").open("a") as stream:
        stream.write(f'[[index]]\nname = "shelf"\nurl = "{shelf.parent.as_uri()}"\n')
        stream.write(f'[[index]]\nname = "main"\nurl = "{yard.index.url}"\n')
    yard.build("--no-prove")
    entries = json.loads((yard.wheelhouse / "provenance.json").read_text())
    assert "shelf" in str(entries)
    assert "local" not in str(entries)
