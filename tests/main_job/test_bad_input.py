"""What can go wrong: an error for people, an exit code of its own, and the earlier wheelhouse as it was."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import index_server as simulator
from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.shop import left_over
from tests.support.waiting import wait_for
from tests.support.yard import TARGET, Yard


@pytest.fixture
def standing(yard: Yard) -> Yard:
    """A yard with a wheelhouse that must survive."""
    make_wheel(yard.shop, "good", "1.0")
    yard.write("good\n")
    yard.build("--no-prove")
    return yard


def refused(yard: Yard, requirements: str, code: int, *words: str, patience: str = "60", **tables: str) -> str:
    """Build, see it refused, and see the earlier wheelhouse untouched and a good run go on from there."""
    before = yard.state()
    yard.write(requirements, **tables)
    done = yard.run("build", "--quiet", PIP_TIMEOUT=patience)
    assert done.code == code, done.out + done.err
    for word in words:
        assert re.search(word, done.err), f"{word!r} is not in {done.err!r}"
    assert yard.state() == before
    return done.err


def test_a_typo_in_a_requirement(standing: Yard) -> None:
    refused(standing, "good\nother=>1.0\n", 3, r"requirements\.in:2", "other=>1.0")


def test_an_impossible_set(standing: Yard) -> None:
    make_wheel(standing.shop, "one", "1.0", requires=["shared<2"])
    make_wheel(standing.shop, "two", "1.0", requires=["shared>=2"])
    make_wheel(standing.shop, "shared", "1.0")
    make_wheel(standing.shop, "shared", "2.0")
    refused(standing, "one\ntwo\n", 4, r"one", r"shared<2", r"two", r"shared>=2")


def test_a_project_that_is_nowhere(standing: Yard) -> None:
    refused(standing, "nowhere-to-be-found\n", 4, "nowhere-to-be-found")


def test_neither_wheel_nor_sdist_for_the_target(standing: Yard) -> None:
    make_wheel(standing.shop, "elsewhere", "1.0", tag="cp311-cp311-win_amd64")
    refused(standing, "elsewhere\n", 5, "elsewhere", "win_amd64")


def test_an_index_that_is_down(standing: Yard) -> None:
    make_wheel(standing.shop, "late", "1.0")
    standing.index.fault("/simple/late", simulator.status(503))
    refused(standing, "late\n", 6, "503")


def test_an_index_that_says_nothing(standing: Yard) -> None:
    make_wheel(standing.shop, "late", "1.0")
    standing.index.fault("/simple/late", simulator.hang(3000))
    refused(standing, "late\n", 6, "late", patience="5")


def test_an_index_that_never_stops(standing: Yard) -> None:
    make_wheel(standing.shop, "late", "1.0")
    standing.index.fault("/simple/late", simulator.bomb(600 << 20))
    refused(standing, "late\n", 6, "late")


def test_an_index_that_leads_to_another_scheme(standing: Yard) -> None:
    make_wheel(standing.shop, "late", "1.0")
    standing.index.fault("/simple/late", simulator.redirect("http://192.0.2.1/simple/late/"))
    refused(standing, "late\n", 6, "http")


def test_a_file_that_is_not_what_was_promised(standing: Yard) -> None:
    wheel = make_wheel(standing.shop, "late", "1.0")
    standing.index.fault(f"/files/{wheel.name}", simulator.content(b"something else"))
    refused(standing, "late\n", 7, wheel.name)


def test_a_wheel_that_is_damaged_inside(standing: Yard) -> None:
    wheel = make_wheel(standing.shop, "late", "1.0", files={"late.py": "X = 1\n"})
    data = wheel.read_bytes()
    wheel.write_bytes(data.replace(b"late-1.0.dist-info/RECORD", b"late-1.0.dist-info/RECXRD"))
    refused(standing, "late\n", 10, wheel.name, "RECORD")


SOCKET = "import socket; socket.create_connection(('192.0.2.1', 80), 5)\n"
NOTHING = "def build_wheel(d, c=None, m=None): return 'late-1.0-py3-none-any.whl'\n"
TWO = """
one = build_wheel
def build_wheel(d, c=None, m=None):
    open(os.path.join(d, 'other-1.0-py3-none-any.whl'), 'w').close()
    return one(d)
"""
ENDLESS = "def build_wheel(d, c=None, m=None): time.sleep(3000)\n"
BROKEN = {
    "does not compile": ({"late__c": extension("late", more="int x = nonsense;")}, "", "nonsense"),
    "opens a socket": ({"late__py": ""}, SOCKET, "unreachable|not permitted"),
    "makes no wheel": ({"late__py": ""}, NOTHING, "left 0"),
    "makes two wheels": ({"late__py": ""}, TWO, "left 2"),
    "never ends": ({"late__py": ""}, ENDLESS, "3 s|took|time"),
}


# Metadata that need no code: the first time that the backend runs is the build.
STATIC = {"PKG-INFO": "Metadata-Version: 2.2\nName: late\nVersion: 1.0\n"}


@pytest.mark.parametrize("metadata", [{}, STATIC], ids=["when locked", "when built"])
@pytest.mark.parametrize("what", BROKEN)
def test_an_sdist_that(standing: Yard, what: str, metadata: dict[str, str]) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    files, more, word = BROKEN[what]
    sdist(standing.shop, "late", more=more, **files, **metadata)
    said = refused(standing, "late\n", 8, "late 1.0", word, build='timeout = "3s"' if what == "never ends" else "")
    assert Path(said.rpartition("[log: ")[2].partition("]")[0]).is_file()


def test_one_build_that_fails_does_not_stop_the_others(standing: Yard) -> None:
    bad = {"PKG-INFO": STATIC["PKG-INFO"].replace("late", "bad")}
    sdist(standing.shop, "bad", bad__py="", more="def build_wheel(*given): raise SystemExit('no')\n", **bad)
    sdist(standing.shop, "late", late__py="", **STATIC)
    refused(standing, "bad\nlate\n", 8, "bad 1.0")
    standing.write("late\n")
    assert standing.build().summary["reused"] == 1


def test_a_folder_that_does_not_import(standing: Yard) -> None:
    make_wheel(standing.shop, "late", "1.0", files={"late.py": "import not_there\n"})
    refused(standing, "late\n", 11, "late", "not_there")


def test_a_full_disk(standing: Yard, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        make_wheel(standing.shop, "late", "1.0", files={"late.bin": random.Random(1).randbytes(1 << 20), "late.py": ""})
        standing.write("late\n")
        before = standing.state()
        done = standing.run("build", "--quiet", WHEELYARD_CACHE=str(small))
        assert done.code == 12, done.err
        assert "space" in done.err.lower()
        assert standing.state() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ctrl_c_during_a_build(standing: Yard) -> None:
    sleeps = "def build_wheel(d, c=None, m=None): print('it', 'sleeps', flush=True); time.sleep(60)\n"
    sdist(standing.shop, "late", late__py="", more=sleeps, **STATIC)
    before = standing.state()
    standing.write("late\n")
    process = standing.start("build")
    logs = standing.root / "cache" / "logs"
    wait_for(lambda: any("it sleeps" in path.read_text() for path in logs.glob("late-1.0-*.log")))
    interrupted(process)
    assert standing.state() == before
    standing.write("good\n")
    standing.build()


def interrupted(process: subprocess.Popen[str]) -> None:
    """Send a Ctrl-C: it is said in one line, with no failure beside it, and in the exit code."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err
    assert err.splitlines()[-1] == "error: interrupted; run the same command again to go on"
    assert "Traceback" not in err
    assert "failed" not in err


@pytest.mark.parametrize("what", ["/simple/late", "/files/late"])
def test_ctrl_c_while_an_index_keeps_us_waiting(standing: Yard, what: str) -> None:
    make_wheel(standing.shop, "late", "1.0")
    standing.index.fault(what, simulator.hang(300))
    standing.write("late\n")
    process = standing.start("build")
    wait_for(lambda: standing.index.paths(what) != [])
    interrupted(process)


@pytest.mark.slow
def test_kill_at_any_time_and_the_next_run_goes_on(standing: Yard) -> None:
    """Kill a run of everything (lock, fetch, build, prove, publish) at what it tells, step by step; let one finish."""
    sdist(standing.shop, "late", late__py="")
    make_wheel(standing.shop, "more", "1.0", files={"more.py": "", "more.bin": bytes(1 << 20)})
    standing.write("late\nmore\n")
    shutil.copytree(standing.root / "cache", standing.root / "copy")
    whole = standing.build("--into", str(standing.root / "elsewhere"), WHEELYARD_CACHE=str(standing.root / "copy"))
    for lock in standing.root.glob(f"*.{TARGET}.*"):
        lock.unlink()
    index = standing.folder / "index.html"
    for lines in range(1, len(whole.events), 3):
        process = standing.start("build", "--json")
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)
        listed = set(re.findall(r'href="([^"#]+)#', index.read_text()))
        assert listed
        for name in listed:
            assert (standing.folder / name).is_file(), name
            assert (standing.wheelhouse / "files" / name).is_file(), name
    done = standing.build()
    assert {path.name.partition("-")[0] for path in standing.folder.glob("*.whl")} == {"late", "more"}
    assert done.summary["targets"][0]["proof"] == "proven"
    assert not left_over(standing.wheelhouse)
