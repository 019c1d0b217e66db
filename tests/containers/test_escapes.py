"""Builds that try to get out: each attempt is denied, ends alone, and the builds beside it go on."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_units import BOOKWORM, unit
from tests.support.hostile_sdists import outside, planting, publishing, state
from tests.support.images import BuildAll, Image
from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from wheelyard.domain.build import BuiltWheel, Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.errors import BuildError, Failures
from wheelyard.domain.settings import BuildSettings
from wheelyard.sandbox.workspace import base
from wheelyard.store.blobs import Store
from wheelyard.toolchain.container import ContainerToolchain, find_toolchain
from wheelyard.wheels.read import read as read_wheel

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("containers")]

# Every attempt answers what it got; the answers travel out in the wheel.
ATTEMPTS = """
import glob, json, socket, time, urllib.request
_plain = build_wheel


def attempt(call):
    try:
        return str(call())
    except Exception as error:
        return "denied: " + type(error).__name__


def processes():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with open(path, "rb") as stream:
            found.append(stream.read().decode("utf-8", "replace"))
    return found


def network():
    socket.create_connection(("192.0.2.1", 80), 3)
    return "connected"


def write(path):
    with open(path, "w") as stream:
        stream.write("x")
    return "written"


def become_root():
    os.setuid(0)
    return "root"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    here = os.path.dirname(os.path.abspath("x"))
    ours = here.split("/")[3]
    write(os.path.join(here, "standing.py"))
    deadline = time.time() + %(patience)s
    while time.time() < deadline:
        time.sleep(0.2)
    answers = {
        "network": attempt(network),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "host file": attempt(lambda: open(%(secret)r).read()),
        "shadow": attempt(lambda: open("/etc/shadow").read()),
        "environment": dict(os.environ),
        "workspaces": sorted(os.listdir("/var/tmp/" + ours)),
        "processes": processes(),
        "first process": attempt(lambda: open("/proc/1/environ").read()),
        "root": attempt(become_root),
        "user": os.getuid(),
        "capabilities": [line for line in open("/proc/self/status")
                         if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))],
        "writes": {path: attempt(lambda: write(path)) for path in (
            "/x", "/usr/x", "/etc/x", "/opt/x", "/root/x", "/proc/sys/x", "/var/tmp/x", "/var/tmp/" + ours + "/x")},
        "engine": [path for path in ("/run/podman/podman.sock", "/var/run/docker.sock") if os.path.exists(path)],
    }
    with open("found.py", "w") as stream:
        stream.write("ANSWERS = " + repr(json.dumps(answers)))
    return _plain(directory)
"""


def answers(store: Store, wheel: BuiltWheel) -> dict[str, Any]:
    with zipfile.ZipFile(store.path(wheel.sha256)) as archive:
        space: dict[str, str] = {}
        exec(archive.read("found.py"), space)
    found = json.loads(space["ANSWERS"])
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def toolchain(image: Image) -> ContainerToolchain:
    return find_toolchain(BuildSettings(), BOOKWORM, image("builder"))


def test_every_escape_is_denied(
    tmp_path: Path, store: Store, build: BuildAll, toolchain: ContainerToolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = Path(f"/var/tmp/wheelyard-secret-{uuid.uuid4().hex}")
    secret.write_text("the host's secret")
    secret.chmod(0o644)
    monkeypatch.setenv("https_proxy", "http://user:password-of-the-proxy@proxy.invalid:1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:token-of-the-index@index.invalid/simple")
    # Two at a time, and the first lives longer than the second needs: each could see the other if that were possible.
    units = [
        unit(
            sdist(tmp_path, name, more=ATTEMPTS % {"secret": str(secret), "patience": patience}),
            store,
            toolchain.identity,
        )
        for name, patience in (("first", 4), ("second", 2))
    ]
    try:
        built = build(toolchain, units)
    finally:
        secret.unlink()
    for each, other in zip(units, reversed(units), strict=True):
        said = answers(store, built[each.key])
        assert said["network"] == "denied: OSError"
        assert said["interfaces"] == ["lo"]
        assert said["host file"] == "denied: FileNotFoundError"
        assert said["shadow"] == "denied: PermissionError"
        assert said["root"] == "denied: PermissionError"
        assert said["user"] != 0
        assert said["workspaces"] == [each.key[:24]]
        assert not [line for line in said["processes"] if other.key[:24] in line]
        assert [line for line in said["processes"] if each.key[:24] in line], "it sees its own processes"
        assert set(said["writes"].values()) <= {
            "denied: PermissionError",
            "denied: OSError",
            "denied: FileNotFoundError",
        }
        assert said["engine"] == []
        assert [line.split()[1].strip("0") for line in said["capabilities"]] == ["", "", "1"]
        told = json.dumps(said["environment"]) + said["first process"]
        for word in ("password-of-the-proxy", "token-of-the-index", "PIP_INDEX_URL", os.environ["PATH"]):
            assert word not in told
    assert not Path("/var/tmp/x").exists()


@pytest.mark.parametrize("kind", ["link to a file", "hard link", "fifo"])
def test_traps_lead_nowhere(
    tmp_path: Path, store: Store, build: BuildAll, toolchain: ContainerToolchain, kind: str
) -> None:
    """What a build leaves at every place that the host may touch changes nothing but its own workspace."""
    away = outside(tmp_path / "outside")
    before = state(away)
    package = sdist(tmp_path, "demo", demo__c=extension("demo"), more=planting(kind, away))
    trapped = unit(package, store, toolchain.identity, recipe=Recipe(local_version="x"))
    built = build(toolchain, [trapped])[trapped.key]
    assert state(away) == before
    checked = read_wheel(store.path(built.sha256), filename=built.filename, strict=True)
    assert checked.top_level_modules == ("demo",)
    assert not [path for path in base().iterdir() if path.name.startswith(trapped.key[:24])]


@pytest.mark.parametrize("kind", ["a link", "a folder that is a link"])
def test_only_what_it_built_is_published(
    tmp_path: Path, store: Store, build: BuildAll, toolchain: ContainerToolchain, kind: str
) -> None:
    secret = make_wheel(outside(tmp_path / "outside"), "demo", "1.0", files={"secret.py": "TOKEN = 1"})
    before = state(secret.parent)
    package = sdist(tmp_path, "demo", demo__py="", more=publishing(kind, secret))
    with pytest.raises(Failures, match="what its backend left cannot be taken: out"):
        build(toolchain, [unit(package, store, toolchain.identity)])
    assert state(secret.parent) == before


EATER = """
def build_wheel(directory, config_settings=None, metadata_directory=None):
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))
"""
BOMB = """
def build_wheel(directory, config_settings=None, metadata_directory=None):
    while True:
        os.fork()
"""
SLEEPER = """
import subprocess, time
def build_wheel(directory, config_settings=None, metadata_directory=None):
    subprocess.Popen(["sleep", %(seconds)r], start_new_session=True)
    time.sleep(3000)
"""
CALLER = """
import urllib.request
def build_wheel(directory, config_settings=None, metadata_directory=None):
    urllib.request.urlopen("http://192.0.2.1/")
"""


def test_a_build_that_takes_too_much_ends_alone(
    tmp_path: Path, store: Store, build: BuildAll, toolchain: ContainerToolchain
) -> None:
    kinds = {"eater": EATER, "bomb": BOMB, "caller": CALLER}
    bad = [unit(sdist(tmp_path, name, more=text), store, toolchain.identity) for name, text in kinds.items()]
    good = unit(sdist(tmp_path, "good", good__c=extension("good")), store, toolchain.identity)
    # Time enough to meet every other limit first, on a machine that does much besides.
    limits = Limits(seconds=1800, memory=512 << 20, processes=64)

    with pytest.raises(Failures) as caught:
        build(toolchain, [*bad, good], limits=limits)

    errors = {str(error.where).split()[0]: error for error in caught.value.errors}
    assert set(errors) == set(kinds), "the good one did not fail"
    assert all(isinstance(error, BuildError) for error in errors.values())
    assert "512 MiB of memory" in errors["eater"].message
    assert "64 processes" in errors["bomb"].message
    assert "Network is unreachable" in errors["caller"].message
    assert build(toolchain, [good])[good.key].filename.startswith("good-1.0-cp311-cp311-manylinux_2_")


def test_a_build_without_end_ends_with_what_it_started(
    tmp_path: Path, store: Store, build: BuildAll, toolchain: ContainerToolchain
) -> None:
    seconds = f"3000.{uuid.uuid4().int}"  # nobody else's sleep
    sleeper = unit(sdist(tmp_path, "sleeper", more=SLEEPER % {"seconds": seconds}), store, toolchain.identity)
    with pytest.raises(Failures, match="within 8 seconds"):
        build(toolchain, [sleeper], limits=Limits(seconds=8))
    running = toolchain.engine.ask("ps", "--all", "--format", "{{.Command}}")
    assert seconds not in running
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if seconds.encode() in read(path)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
