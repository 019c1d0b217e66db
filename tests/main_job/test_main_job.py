"""The whole way, as a user goes it: from requirements to an installation without network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.yard import Yard

pytestmark = pytest.mark.slow


@pytest.fixture
def stocked(yard: Yard) -> Yard:
    """A yard whose index has a small tree of wheels, and an extension that has to be compiled."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    make_wheel(yard.shop, "app", "1.0", requires=["lib>=1", "fast"])
    make_wheel(yard.shop, "lib", "1.0")
    make_wheel(yard.shop, "lib", "1.5")
    make_wheel(yard.shop, "lib", "2.0", tag="cp36-cp36m-win_amd64")
    sdist(yard.shop, "fast", fast__c=extension("fast"))
    yard.write("app\n")
    return yard


def offline() -> list[str]:
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0:
        return ["unshare", "--net"]
    pytest.skip("the network cannot be cut here")


def test_from_requirements_to_an_installation_without_network(stocked: Yard, tmp_path: Path) -> None:
    done = stocked.build()
    (target,) = done.summary["targets"]
    assert target["proof"] == "proven"
    assert target["packages"] == 3
    names = sorted(path.name for path in stocked.folder.glob("*.whl"))
    assert names[0] == "app-1.0-py3-none-any.whl"
    assert names[1].startswith("fast-1.0-cp")
    assert "-manylinux_2_" in names[1]
    assert names[2] == "lib-1.5-py3-none-any.whl"
    home = tmp_path / "host"
    home.mkdir()
    # A plain `pip install --user` by the interpreter itself, as a host has it: no virtual environment.
    python = Path(os.path.realpath(sys.executable))
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--user",
        "--no-index",
        "-f",
        str(stocked.folder),
        "--require-hashes",
    ]
    installed = subprocess.run(
        [*offline(), *command, "-r", str(stocked.folder / "requirements.txt")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    asked = subprocess.run(
        [python, "-c", "import fast, app, lib; print(fast.answer())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "42\n"


def test_a_second_run_does_nothing_and_asks_nobody(stocked: Yard) -> None:
    stocked.build()
    before, asked = stocked.state(), len(stocked.index.requests)
    done = stocked.build(PYTHONPROFILEIMPORTTIME="1")
    assert done.summary["fetched"] == done.summary["built"] == 0
    assert done.summary["reused"] == 1
    assert stocked.state() == before
    assert len(stocked.index.requests) == asked
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "wheelyard.index.publish" in imported
    assert imported.isdisjoint({"jinja2", "nh3", "elftools"})


@pytest.mark.parametrize("what", ["files/lib-1.5-py3-none-any.whl", "simple/lib/index.html"])
def test_a_file_that_is_lost_is_put_back_alone(stocked: Yard, what: str) -> None:
    stocked.build()
    before = stocked.state()
    (stocked.wheelhouse / what).unlink()
    stocked.build()
    after = stocked.state()
    assert before.keys() == after.keys()
    changed = {str(Path(path).relative_to(stocked.wheelhouse)) for path in after if after[path] != before[path]}
    assert changed <= {what}


def test_a_wheel_that_was_altered_is_put_back(stocked: Yard) -> None:
    stocked.build()
    wheel = stocked.wheelhouse / "files" / "lib-1.5-py3-none-any.whl"
    good = wheel.read_bytes()
    wheel.unlink()
    wheel.write_bytes(good[:-1] + b"?")
    done = stocked.build()
    assert done.summary["published"]["restored"] == 1
    assert wheel.read_bytes() == good
    assert (stocked.folder / wheel.name).read_bytes() == good


def test_two_wheelhouses_of_the_same_inputs_are_the_same_bytes(stocked: Yard, tmp_path: Path) -> None:
    stocked.build("--into", str(tmp_path / "one"))
    stocked.build("--into", str(tmp_path / "two"), WHEELYARD_CACHE=str(tmp_path / "another"))
    one, two = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*")
         if path.is_file() and not path.name.startswith(".")}
        for name in ("one", "two")
    )  # fmt: skip
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert not any(str(tmp_path).encode() in content for content in one.values())


def test_pins_are_kept_until_an_upgrade_is_asked_for(stocked: Yard) -> None:
    stocked.build()
    make_wheel(stocked.shop, "lib", "1.6")
    stocked.write("app\nlib\n")
    stocked.build()
    assert [path.name for path in stocked.folder.glob("lib-*.whl")] == ["lib-1.5-py3-none-any.whl"]
    stocked.build("--upgrade-package", "lib")
    assert [path.name for path in stocked.folder.glob("lib-*.whl")] == ["lib-1.6-py3-none-any.whl"]


def test_why_tells_the_file_and_who_asked(stocked: Yard) -> None:
    stocked.run("lock")
    done = stocked.run("why", "fast")
    assert done.code == 0
    assert "fast-1.0.tar.gz" in done.out
    assert "app" in done.out
    assert "requirements.in" in done.out


def test_what_the_lock_had_to_download_is_counted(yard: Yard) -> None:
    """An index that tells no hashes: the lock fetches the files itself, and nothing is left to be fetched then."""
    make_wheel(yard.shop, "app", "1.0", requires=["lib"])
    make_wheel(yard.shop, "lib", "1.0")
    yard.index.hashes = False
    yard.write("app\n")
    summary = yard.build("--no-prove").summary
    wheels = [yard.shop / f"{name}-1.0-py3-none-any.whl" for name in ("app", "lib")]
    assert (summary["fetched"], summary["fetched_bytes"]) == (2, sum(path.stat().st_size for path in wheels))
    assert yard.build("--no-prove").summary["fetched"] == 0


def test_a_warning_is_given_once(yard: Yard) -> None:
    """The lock asks for a sandbox to hear what an sdist requires, and the build for one to compile it."""
    sdist(yard.shop, "made")
    yard.write("made\n", build='sandbox = "none"')
    said = [event["message"] for event in yard.build("--no-prove").events if event["event"] == "warned"]
    assert [message.partition(":")[0] for message in said] == ["NO SANDBOX"]


@pytest.mark.parametrize("setting", ["the key", "--into"])
def test_the_folder_of_the_configuration_becomes_no_wheelhouse(yard: Yard, setting: str) -> None:
    make_wheel(yard.shop, "app", "1.0")
    yard.write("app\n")
    (yard.root / "secret.txt").write_text("mine")
    config = yard.root / "wheelyard.toml"
    if setting == "the key":
        config.write_text('wheelhouse = "."\n' + config.read_text())
    before = sorted(path.name for path in yard.root.iterdir())
    done = yard.run("build", "--no-prove", *(["--into", "."] if setting == "--into" else []))
    assert done.code == 12
    assert "holds files that Wheelyard did not put there" in done.err
    assert sorted(path.name for path in yard.root.iterdir() if path.name != "cache") == before
