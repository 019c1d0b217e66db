"""What an engine is told: without one, except that docker's own client checks our options."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from wheelyard.domain.command import Command
from wheelyard.domain.errors import ToolError
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import Image, _reference
from wheelyard.sandbox.container.launch import _environment, _mount, _mounts, run_in_container

IMAGE = Image(
    name="localhost/nothing",
    id="0" * 64,
    identity=f"sha256:{'0' * 64}",
    architecture="amd64",
    search_path="/opt/rh/bin:/usr/bin",
)
PODMAN = Engine(kind="podman", program="podman", version="5")
DOCKER = Engine(kind="docker", program="docker", version="28")


def test_a_folder_within_another_is_mounted_only_where_it_adds_a_right() -> None:
    work, python, source = Path("/w"), Path("/opt/python"), Path("/opt/python/src")
    assert _mounts([work / "env", python], [work]) == [(work, True), (python, False)]
    assert _mounts([python], [source]) == [(python, False), (source, True)]
    assert _mounts([python, python], []) == [(python, False)]


def test_what_an_engine_calls_a_pinned_image() -> None:
    digest = "sha256:" + "1" * 64
    assert _reference("registry.invalid:5000/a/b:1.2") == "registry.invalid:5000/a/b:1.2"
    assert _reference(f"registry.invalid:5000/a/b:1.2@{digest}") == f"registry.invalid:5000/a/b@{digest}"
    assert _reference(f"registry.invalid:5000/a/b@{digest}") == f"registry.invalid:5000/a/b@{digest}"
    assert _reference(f"localhost/made:here@{digest}") == "1" * 64


def test_any_path_can_be_mounted() -> None:
    assert _mount(Path("/a"), False) == "type=bind,source=/a,destination=/a,readonly"
    assert _mount(Path('/a,b "c"'), True) == 'type=bind,"source=/a,b ""c""","destination=/a,b ""c"""'


def test_the_image_keeps_its_own_search_path_behind_ours() -> None:
    given = {"PATH": "/w/env/bin:/usr/local/bin:/usr/bin", "LANG": "C.UTF-8"}
    told = list(_environment(PODMAN, IMAGE, given, [(Path("/w"), True)]))
    assert told == ["--env=LANG=C.UTF-8", "--env=PATH=/w/env/bin:/opt/rh/bin:/usr/bin"]


def test_dockers_proxies_are_taken_away() -> None:
    told = list(_environment(DOCKER, IMAGE, {}, []))
    assert "--env=https_proxy=" in told
    assert "--env=HTTPS_PROXY=" in told


@pytest.mark.parametrize("limits", [frozenset({"memory", "pids"}), frozenset[str]()])
def test_docker_understands_our_options(
    limits: frozenset[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon.sock")
    folder = tmp_path / "with,comma"
    folder.mkdir()
    # Its client reads the options first: a wrong one would be named instead of the daemon that is not there.
    with pytest.raises(ToolError, match=r"docker cannot start a container: .*(connect|daemon)") as caught:
        run_in_container(
            replace(DOCKER, limits=limits),
            IMAGE,
            Command(argv=("true",), cwd=folder, env={"A": "b"}, readable=(folder,)),
        )
    assert "flag" not in caught.value.message
