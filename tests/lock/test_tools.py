"""The written requirements with the tools that are to read them, and the commands; the real index last."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.index_server import IndexServer, hang
from tests.support.locking import EL9, Place, versions
from tests.support.packages import make_wheel
from tests.support.waiting import wait_for
from tests.support.yard import hear_interrupts
from wheelyard.cli import lock as lock_command
from wheelyard.cli import why as why_command
from wheelyard.config.load import load
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.events import silent
from wheelyard.domain.target import Target
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.stages.backends import Sandboxes
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.find import Toolchains

CLEAN = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        yield Place(tmp_path, server)


@pytest.mark.network
def test_pip_9_installs_what_is_locked(place: Place, tmp_path: Path) -> None:
    python = find(Target(name="el8", python="3.6", python_full="3.6.8", platform="linux_x86_64"))
    if python is None:
        pytest.skip("there is no Python 3.6")
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "pip"), "pip==9.0.3"]
    subprocess.run(download, check=True)
    (pip,) = (tmp_path / "pip").glob("*.whl")
    make_wheel(place.files, "a", "1.0", requires=["b[Ex_tra]", "dataclasses; python_version < '3.7'"])
    make_wheel(place.files, "b", "1.0", requires=["c ; extra == 'Ex_tra'"], extras=["Ex_tra"])
    for name in ("c", "dataclasses"):
        make_wheel(place.files, name, "1.0")
    el8 = '[[target]]\nname = "el8"\npython = "3.6"\nplatform = "manylinux_2_28_x86_64"\npip = "9.0.3"\n'
    place.lock(place.config("a\n", targets=el8))
    venv = tmp_path / "venv"
    subprocess.run([python.path, "-m", "venv", "--without-pip", str(venv)], check=True, env=CLEAN)
    command = [str(venv / "bin" / "python"), f"{pip}/pip", "install", "--no-index", "-f", str(place.files)]
    command += ["--require-hashes", "-r", str(place.root / "requirements.el8.txt")]
    done = subprocess.run(command, env=CLEAN, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = {path.name for path in venv.glob("lib/python3.6/site-packages/*.dist-info")}
    assert installed == {f"{name}-1.0.dist-info" for name in ("a", "b", "c", "dataclasses")}


@pytest.mark.skipif(importlib.util.find_spec("piptools") is None, reason="pip-tools is not installed")
def test_pip_sync_reads_it(place: Place) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b"])
    make_wheel(place.files, "b", "1.0")
    place.lock(place.config("a\n", targets=""))
    text = next(place.root.glob("requirements.*.txt"))
    # A dry run only: it would empty the environment that these tests run in.
    command = [sys.executable, "-m", "piptools", "sync", "--dry-run", "--no-index", "--find-links", str(place.files)]
    done = subprocess.run([*command, str(text)], env=CLEAN, capture_output=True, text=True)
    assert "a==1.0" in done.stdout, done.stderr
    assert "b==1.0" in done.stdout


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer()
    lock_command.register(application)
    why_command.register(application)
    return application


def test_the_commands(place: Place, app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b"])
    make_wheel(place.files, "b", "1.0")
    place.config("a\n")
    monkeypatch.chdir(place.root)
    monkeypatch.setenv("WHEELYARD_CACHE", str(place.store.root))
    run = CliRunner()
    unlocked = run.invoke(app, ["why", "b"])
    assert isinstance(unlocked.exception, ConfigError)
    assert "wheelyard lock" in str(unlocked.exception)
    locked = run.invoke(app, ["lock"], catch_exceptions=False)
    assert "el9: 2 packages (pylock.el9.toml, requirements.el9.txt)" in locked.output
    told = run.invoke(app, ["why", "B"], catch_exceptions=False)
    assert told.output.splitlines() == [
        "b 1.0 [el9]",
        "  file: b-1.0-py3-none-any.whl (index main)",
        "  why this file: the wheel that the host's pip 21.2.3 takes: py3-none-any",
        "  wanted by: a 1.0 <- demo.in:1: a",
    ]
    facts = json.loads(run.invoke(app, ["why", "b", "--json"], catch_exceptions=False).output)
    assert facts["chains"] == [["a 1.0", "demo.in:1: a"]]
    make_wheel(place.files, "b", "2.0")
    lines = run.invoke(app, ["lock", "--json", "-P", "b"], catch_exceptions=False).output.splitlines()
    assert json.loads(lines[-1])["targets"][0]["packages"] == 2
    assert "b 2.0" in run.invoke(app, ["why", "b", "-t", "el9"], catch_exceptions=False).output
    for arguments in (["why", "bb"], ["why", "b", "-t", "el99"], ["lock", "-P", "bb"]):
        assert isinstance(run.invoke(app, arguments).exception, ConfigError)


def test_ctrl_c_ends_it_at_once_and_writes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(place.files, "a", "1.0")
    place.config("a\n")
    place.server.fault("/simple/a/", hang(60))
    scratch = place.root / "scratch"
    scratch.mkdir()
    program = "import sys, typer; from wheelyard.cli import lock; app = typer.Typer(); lock.register(app); app()"
    environment = {**CLEAN, "WHEELYARD_CACHE": str(place.store.root), "TMPDIR": str(scratch), "HOME": str(scratch)}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=place.root,
        env=environment,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )
    wait_for(lambda: bool(list(scratch.glob("wheelyard-temporary-uv-*/pins.txt")) or place.server.requests))
    process.send_signal(signal.SIGINT)
    assert process.wait(300) != 0
    assert list(place.root.glob("pylock.*")) == []
    assert list(scratch.glob("wheelyard-*")) == []


@pytest.mark.network
def test_the_scientific_set_for_another_python_is_whole(tmp_path: Path) -> None:
    (tmp_path / "demo.in").write_text((Path(__file__).parents[2] / "requirements" / "scientific.in").read_text())
    (tmp_path / "wheelyard.toml").write_text(f'requirements = ["demo.in"]\n{EL9}')
    config, store = load(tmp_path), Store(tmp_path / "store")
    with Indexes(config, store) as indexes:
        backends = Sandboxes(config, store, indexes, Toolchains(config.build, store, silent))
        found = lock(config, client=indexes, store=store, backends=backends)["el9"]
    assert {"importlib-resources", "tomli", "zipp"} <= set(versions(found))
    assert len(found.packages) > 100
    assert all(package.how == "fetch" for package in found.packages)


@pytest.mark.network
def test_both_resolvers_agree_on_real_packages(tmp_path: Path) -> None:
    found = {}
    for resolver in ("uv", "pip-tools"):
        root = tmp_path / resolver
        root.mkdir()
        (root / "demo.in").write_text("requests[socks]\nrich\nimportlib-resources\n")
        (root / "wheelyard.toml").write_text(f'requirements = ["demo.in"]\nresolver = "{resolver}"\n{EL9}')
        config, store = load(root), Store(tmp_path / "store")
        with Indexes(config, store) as indexes:
            backends = Sandboxes(config, store, indexes, Toolchains(config.build, store, silent))
            found[resolver] = lock(config, client=indexes, store=store, backends=backends)["el9"]
    assert versions(found["uv"]) == versions(found["pip-tools"])
    assert {package.name: package.via for package in found["uv"].packages} == {
        package.name: package.via for package in found["pip-tools"].packages
    }
    assert "zipp" in versions(found["uv"])
