"""What people get wrong: they are told what is wrong, where, and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.signed_wheelhouses import house
from tests.support.yard import Yard


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheelhouse, an import folder and a script."""
    made = tmp_path_factory.mktemp("desk")
    house(made / "w")
    (made / "run.sh").write_text("#!/bin/sh\necho hello\n")
    (made / "empty").mkdir()
    for arguments in (["pack", "w", "--to", "one.tar"], ["import", "one.tar", "--into", "www", "--allow-unsigned"]):
        done = wheelyard(made, *arguments)
        assert done.returncode == 0, done.stderr
    return made


def wheelyard(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelyard", *arguments]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


NOTHING = "there is no such file or folder"
UNBUILT = "nothing was built here yet"
BUILD = "`wheelyard build`"
OTHER = "neither a bundle nor a manifest.json"


@pytest.mark.parametrize(
    ("line", "where", "what", "advice"),
    [
        ("check nothere", "nothere", NOTHING, "is the name right"),
        ("check w --repair nothere", "nothere", NOTHING, "is the name right"),
        ("import nothere --into x", "nothere", NOTHING, "is the name right"),
        ("generations nothere", "nothere", NOTHING, "is the name right"),
        ("generations w", "w", "this is a wheelhouse", "`wheelyard import BUNDLE --into DIR`"),
        ("generations empty", "empty", "no bundle was imported here yet", "`wheelyard import BUNDLE --into DIR`"),
        ("rollback nothere", "nothere", NOTHING, "is the name right"),
        ("rollback w", "w", "no generation before this one", "build again"),
        ("rollback www/current", "www/current", "this is one generation", "/www"),
        ("serve nothere --config nginx", "nothere", UNBUILT, BUILD),
        ("serve nothere", "nothere", UNBUILT, BUILD),
        ("serve www --config caddy", "www", "bundles are imported into this folder", "www/current"),
        ("diff run.sh w", "run.sh", OTHER, "a manifest.json"),
        ("diff w run.sh", "run.sh", OTHER, "a manifest.json"),
        ("diff nothere w", "nothere", NOTHING, "is the name right"),
        ("diff w empty", "empty", UNBUILT, BUILD),
        ("pack", "wheelhouse", UNBUILT, BUILD),
        ("pack empty", "empty", UNBUILT, BUILD),
        ("pack run.sh", "run.sh", "a file, not a wheelhouse", "the wheelhouse's folder"),
        ("pack www", "www", "bundles are imported into this folder", "www/current"),
        ("pack w --since run.sh", "run.sh", OTHER, "a manifest.json"),
        ("report", "wheelhouse", UNBUILT, BUILD),
        ("report w --since nothere", "nothere", NOTHING, "is the name right"),
        ("prune nothere --newest 1", "nothere", UNBUILT, BUILD),
    ],
)
def test_a_path_that_is_wrong(desk: Path, line: str, where: str, what: str, advice: str) -> None:
    done = wheelyard(desk, *line.split())
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"error: {where}: ")
    assert what in said
    assert advice in said.partition("(")[2]


@pytest.mark.parametrize("command", [["build", "--quiet"], ["mirror", "late"]], ids=" ".join)
@pytest.mark.parametrize("place", ["file", "below/file/deep", "full", "simple"])
def test_a_place_that_cannot_become_a_wheelhouse(yard: Yard, command: list[str], place: str) -> None:
    (yard.root / "file").write_text("")
    (yard.root / "below").mkdir()
    (yard.root / "below/file").write_text("")
    (yard.root / "full").mkdir()
    (yard.root / "full/letter.txt").write_text("mine")
    (yard.root / "simple/simple").mkdir(parents=True)
    make_wheel(yard.shop, "late", "1.0")
    yard.write("late\n")
    done = yard.run(*command, "--into", place)
    assert done.code == 12, done.out + done.err
    (said,) = done.err.splitlines()
    places = {"file": "/file", "below/file/deep": "below/file", "full": "full/letter.txt", "simple": "simple/simple"}
    assert f"{places[place]}: " in said
    assert "(choose a new or an empty folder)" in said
    assert yard.index.paths() == []
    assert list(yard.root.glob("pylock*")) == []


def test_a_folder_with_a_readme_may_become_one(yard: Yard) -> None:
    (yard.root / "w").mkdir()
    (yard.root / "w/README.md").write_text("mine")
    (yard.root / "w/.gitignore").write_text("*")
    make_wheel(yard.shop, "late", "1.0")
    yard.write("late\n")
    yard.build("--no-prove", "--into", "w")


def test_a_proxy_that_is_dead_is_named_with_the_variable_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("six\n--index-url https://packages.example/simple\n")
    clean = {
        key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("PIP_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "wheelyard", "lock", "--quiet", "r.txt"],
        cwd=tmp_path,
        env={
            **clean,
            "HTTPS_PROXY": "http://me:s3cr3t@127.0.0.1:9",
            "PIP_CONFIG_FILE": os.devnull,
            "WHEELYARD_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "cannot connect through the proxy http://127.0.0.1:9" in done.stderr
    assert "it comes from the variable HTTPS_PROXY" in done.stderr
    assert "s3cr3t" not in done.stderr
