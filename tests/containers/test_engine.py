"""The engine: found, refused with its own words, and cleaned up after runs that were killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.build_units import BOOKWORM
from tests.support.images import Image
from tests.support.installers import interpreter
from tests.support.waiting import wait_for
from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import BuildHost, Target
from wheelyard.sandbox.container import python as container
from wheelyard.sandbox.container.engine import Engine, find_engine, is_over, this_run
from wheelyard.sandbox.container.images import derive, resolve
from wheelyard.toolchain.container import find_toolchain

pytestmark = pytest.mark.slow

GROUP = pytest.mark.xdist_group("containers")


def test_no_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="install podman"):
        find_engine(arguments=("--of-this-test-alone",))
    with pytest.raises(ToolError, match="nerdctl is not installed"):
        find_engine("nerdctl")


def test_an_engine_that_does_not_answer_is_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "podman"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo podman version 9 && exit\n'
        "echo 'Error: no subuid ranges found' >&2\nexit 125\n"
    )
    broken.chmod(0o755)
    with pytest.raises(ToolError, match="does not work: Error: no subuid ranges found") as caught:
        find_engine(str(broken))
    assert caught.value.exit_code == 13
    assert "engine-arguments" in str(caught.value.hint)


def test_which_run_is_over() -> None:
    ours = this_run()
    boot, space, pid, started = ours.split(".")
    assert not is_over(ours)
    assert is_over(f"{boot}.{space}.{pid}.1"), "the same number, another process"
    assert is_over(f"{boot}.{space}.4194305.{started}"), "no such process"
    assert is_over(f"another-boot.{space}.{pid}.{started}")
    assert not is_over(f"{boot}.1.4194305.{started}"), "another name space: nobody here can know"
    assert not is_over("")
    assert not is_over("nonsense")


@pytest.mark.container
@GROUP
def test_an_engine_that_cannot_start_a_container_is_quoted(engine: Engine, image: Image) -> None:
    if engine.kind != "podman":
        pytest.skip("the option is podman's")
    name = image("host")
    settings = BuildSettings(engine_arguments=("--runtime", "/nowhere/runtime"))
    with pytest.raises(ToolError) as caught:
        find_toolchain(settings, BOOKWORM, name)
    assert "/nowhere/runtime" in str(caught.value)


@pytest.mark.container
@GROUP
def test_whether_a_container_starts_is_tried_without_an_image(engine: Engine) -> None:
    assert engine.try_start() is None
    assert "wheelyard-probe" not in engine.ask("images", "--format", "{{.Repository}}")
    if engine.kind == "podman":
        broken = replace(engine, arguments=("--runtime", "/nowhere/runtime"))
        assert "/nowhere/runtime" in str(broken.try_start())


@pytest.mark.container
@GROUP
def test_a_killed_run_leaves_no_container_after_the_next_start(engine: Engine, image: Image, tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from wheelyard.domain.command import Command
        from wheelyard.sandbox.container import python as container
        from wheelyard.sandbox.container.images import resolve
        from wheelyard.sandbox.container.launch import run_in_container
        from wheelyard.domain.settings import BuildSettings
        engine = container.open_engine(BuildSettings())
        found = resolve(engine, sys.argv[1], "x86_64")
        run_in_container(engine, found, Command(argv=("sleep", sys.argv[2]), cwd=Path("/")))
        """
    )
    seconds = "2987"
    run = subprocess.Popen([sys.executable, "-c", program, image("host"), seconds], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: seconds in listing(engine))
        engine.sweep()
        assert seconds in listing(engine), "a run that lives keeps its containers"
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert seconds in listing(engine), "nobody is left to remove it"
    assert engine.sweep() == 1
    assert seconds not in listing(engine)


def listing(engine: Engine) -> str:
    return engine.ask("ps", "--all", "--no-trunc", "--format", "{{.Command}}")


@pytest.mark.container
@GROUP
def test_images_that_do_not_fit_say_what_to_do(engine: Engine, image: Image) -> None:
    with pytest.raises(ToolError, match=r"there is no image localhost/nobody-made-this.*make image"):
        resolve(engine, "localhost/nobody-made-this", "x86_64")
    with pytest.raises(ToolError, match=r"index\.invalid/nobody.*cannot pull it.*check the name and the network"):
        resolve(engine, "index.invalid/nobody/nothing:1", "x86_64")
    with pytest.raises(
        ToolError, match=r"the image is for amd64, the target's CPU is aarch64.*name an image for arm64"
    ):
        resolve(engine, image("host"), "aarch64")
    old = Target(name="old", python="3.7", python_full="3.7.0", platform="manylinux_2_36_x86_64")
    with pytest.raises(ToolError, match=r"target old: image .*: the image has no cpython 3\.7, it has cpython 3\.11"):
        find_toolchain(BuildSettings(), old, image("host"))


@pytest.mark.container
@GROUP
def test_an_image_is_pinned_by_its_digest(engine: Engine, image: Image) -> None:
    found = resolve(engine, image("host"), "x86_64")
    assert resolve(engine, found.pinned, "x86_64") == found
    gone = f"{found.name}@sha256:{'0' * 64}"
    with pytest.raises(ToolError, match=r"there is no image localhost/wheelyard-host:bookworm with the digest"):
        resolve(engine, gone, "x86_64")


@pytest.mark.container
@GROUP
def test_an_interpreter_of_this_machine_is_taken_along(engine: Engine, image: Image) -> None:
    path = interpreter("3.6")
    build = BuildHost(interpreter=path)
    old = Target(name="old", python="3.6", python_full="3.6.8", platform="manylinux_2_36_x86_64", build=build)
    found = resolve(engine, image("host"), "x86_64")
    python, readable = container.find_python(engine, found, old)
    assert (python.python, python.implementation) == ("3.6", "cpython")
    assert readable


@pytest.mark.container
@GROUP
def test_packages_that_cannot_be_added_are_refused(engine: Engine, image: Image) -> None:
    base = resolve(engine, image("builder"), "x86_64")
    assert derive(engine, base, []) == base
    with pytest.raises(ConfigError, match="--allow-downgrades"):
        derive(engine, base, ["--allow-downgrades"])
    with pytest.raises(ToolError, match=r"cannot install no-such-package-anywhere .*are these packages of the image"):
        derive(engine, base, ["no-such-package-anywhere"])
