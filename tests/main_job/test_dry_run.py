"""``wheelyard build --dry-run`` says what the build then does, and leaves everything as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.yard import TARGET, Done, Yard

ENGINE = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
  --version) echo "podman version 5.0.0";;
  info) echo '{{"host": {{"security": {{"rootless": false}}}}, "version": {{"Version": "5.0.0"}}}}';;
  ps) ;;
  *) exit 125;;
esac
"""
"""A podman that answers, has no image, and writes down what it was asked."""


@pytest.fixture
def stocked(yard: Yard) -> Yard:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    make_wheel(yard.shop, "app", "1.0", requires=["lib>=1", "fast"])
    make_wheel(yard.shop, "lib", "1.5")
    sdist(yard.shop, "fast", fast__c=extension("fast"))
    yard.write("app\n")
    return yard


def files_of(yard: Yard) -> dict[str, bytes]:
    """Return every file of the yard but the cache, with what is in it."""
    cache = yard.root / "cache"
    paths = (path for path in yard.root.rglob("*") if path.is_file() and not path.is_relative_to(cache))
    return {str(path.relative_to(yard.root)): path.read_bytes() for path in paths}


def fetched(done: Done) -> int:
    return sum(event["event"] == "job-finished" and event["stage"] == "fetch" for event in done.events)


def test_what_is_foretold_is_what_is_done(stocked: Yard) -> None:
    before = files_of(stocked)
    foretold = stocked.build("--dry-run").summary
    assert files_of(stocked) == before
    (compiled,) = foretold["builds"]
    assert (compiled["package"], compiled["version"], compiled["folders"]) == ("fast", "1.0", [TARGET])
    assert (compiled["sdist"], compiled["seconds"]) == ("fast-1.0.tar.gz", None)
    assert compiled["size"] == (stocked.shop / "fast-1.0.tar.gz").stat().st_size
    assert "glibc" in compiled["toolchain"]
    (folder,) = foretold["folders"]
    assert (folder["packages"], folder["compiled"], folder["is_new"], folder["proven"]) == (3, 1, True, True)

    done = stocked.build()
    assert fetched(done) == foretold["files"] > 0
    assert (done.summary["built"], foretold["reused"]) == (1, 0)

    make_wheel(stocked.shop, "lib", "2.0")
    before = files_of(stocked)
    again = stocked.run("build", "--dry-run")
    lines = [line.strip() for line in again.out.splitlines()]
    assert f"{TARGET}  3 packages, 1 of them compiled: no version changes" in lines, again.err
    assert any(line.startswith("fetch    0 files (0 B); ") for line in lines)
    assert "compile  0 wheels; 1 built before, in the store" in lines
    assert any(line.startswith(f"{TARGET}: by ") for line in lines)
    newer = stocked.build("--dry-run", "--upgrade").summary
    assert newer["folders"][0]["changes"] == [{"name": "lib", "before": "1.5", "after": "2.0"}]
    assert newer["files"] == 1
    assert files_of(stocked) == before


def test_no_image_is_pulled_and_what_this_machine_lacks_is_named(yard: Yard, tmp_path: Path) -> None:
    sdist(yard.shop, "fast", fast__c=extension("fast"))
    yard.write("fast\n")
    assert yard.run("lock").code == 0
    engine, log = tmp_path / "podman", tmp_path / "asked"
    engine.write_text(ENGINE.format(log=log))
    engine.chmod(0o755)
    with (yard.root / "wheelyard.toml").open("a") as configuration:
        configuration.write('image = "images.example/builder"\nhost-image = "images.example/host"\n')
        configuration.write(f'[build]\nengine = "{engine}"\n')
    done = yard.build("--dry-run")
    assert "image inspect" in log.read_text()
    assert "pull" not in log.read_text().split()
    (compiled,) = done.summary["builds"]
    assert compiled["toolchain"] == "image images.example/builder, to be pulled"
    lacking = {finding["name"] for finding in done.summary["lacks"]}
    assert lacking == {f"{TARGET}: proof", f"{TARGET}: image"}


def test_what_would_be_withheld_is_told_with_its_error(yard: Yard) -> None:
    make_wheel(yard.shop, "app", "1.0", requires=["nowhere"])
    yard.write("app\n")
    done = yard.run("build", "--dry-run", "--json")
    assert done.code == 4
    (withheld,) = done.summary["withheld"]
    assert withheld["name"] == TARGET
    assert "nowhere" in json.dumps(withheld["reasons"])
    assert not yard.wheelhouse.exists()
