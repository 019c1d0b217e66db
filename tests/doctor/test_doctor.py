from __future__ import annotations

import json
import platform
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wheelyard import doctor
from wheelyard.cli import doctor as command
from wheelyard.doctor import compilers, model, places, tools
from wheelyard.doctor.model import Finding


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def run_command(*arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.exception is None
    return result.output


def test_a_bare_machine_is_told_what_to_install(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {each.name: each for each in doctor.examine()}
    for name in ("bubblewrap", "name spaces", "container engine", "C compiler", "C++ compiler", "ssh-keygen"):
        assert found[name].status == "missing", name
        assert all(found[name].packages[family] for family in doctor.FAMILIES), name
        assert found[name].purpose
    debian = doctor.install_command(found.values(), "debian")
    assert debian
    assert debian.startswith("sudo apt install bubblewrap util-linux podman ")
    assert " gcc libc6-dev g++ gfortran " in debian
    rhel = doctor.install_command(found.values(), "rhel")
    assert rhel
    assert " podman gcc gcc-c++ gcc-gfortran " in rhel
    for family in (*doctor.FAMILIES, None):
        monkeypatch.setattr(doctor, "family", lambda family=family: family)
        said = run_command()
        assert ("sudo apt install" in said) == (family in ("debian", None))
        assert ("sudo dnf install" in said) == (family != "debian")


def test_this_machine() -> None:
    found = {each.name: each for each in doctor.examine()}
    assert set(found) >= {"container engine", "emulation", "interpreters", "BLAS libraries", "disk space"}
    assert (found["bubblewrap"].status == "missing") == (shutil.which("bwrap") is None)
    assert (found["C compiler"].status == "missing") == (not any(map(shutil.which, ("cc", "gcc", "clang"))))
    assert ".".join(map(str, sys.version_info[:2])) in found["interpreters"].detail
    for each in found.values():
        assert each.detail
        if each.status != "ok":
            assert any(each.packages.values()) or each.advice, each.name


def test_a_python_without_tarfiles_filters_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    found = tools.python()
    assert found.status == "ok"
    assert platform.python_version() in found.detail
    assert "no extraction filters" in found.detail


def test_json() -> None:
    document = json.loads(run_command("--json"))
    assert {"name", "status", "purpose", "detail", "packages", "advice"} == set(document["findings"][0])
    assert document["distribution"] in (*doctor.FAMILIES, None)


def test_an_engine_that_does_not_start_says_why(programs: Path) -> None:
    script(
        programs, "podman", "echo 'WARN something' >&2; echo 'Error: cannot set up namespace: no subuid' >&2; exit 125"
    )
    script(programs, "docker", "echo 'Cannot connect to the Docker daemon at unix:///run/docker.sock' >&2; exit 1")
    found = places.engine()
    assert found.status == "partial"
    assert "podman does not work: Error: cannot set up namespace: no subuid" in found.detail
    assert "docker does not work: Cannot connect to the Docker daemon" in found.detail
    assert found.advice


def test_docker_is_taken_where_podman_fails(programs: Path) -> None:
    script(programs, "podman", "exit 125")
    answers = """case "$1" in info) echo '{"OSType": "linux"}' ;; *) echo 'Docker version 28.2.2, build x' ;; esac"""
    script(programs, "docker", answers)
    found = places.engine()
    assert (found.status, found.detail) == ("ok", "docker 28.2.2 starts containers")


def test_a_sandbox_that_may_not_be_made(programs: Path) -> None:
    script(programs, "bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    script(programs, "unshare", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1")
    assert places.bubblewrap().status == places.unshare().status == "partial"
    assert "Operation not permitted" in places.unshare().detail
    assert places.unshare().advice


def test_a_compiler_without_its_headers(programs: Path) -> None:
    script(programs, "cc", "echo '<stdin>:1:10: fatal error: stdio.h: No such file or directory' >&2; exit 1")
    found = compilers.c()
    assert found.status == "partial"
    assert "stdio.h" in found.detail
    assert "libc6-dev" in found.packages["debian"]


def test_an_old_ssh_keygen(programs: Path) -> None:
    script(programs, "ssh-keygen", "echo 'ssh-keygen: unknown option -- Y' >&2; exit 1")
    assert tools.ssh_keygen().status == "partial"


def test_an_old_patchelf(programs: Path) -> None:
    script(programs, "patchelf", "echo 'patchelf 0.9'")
    found = tools.patchelf()
    assert found.status == "partial"
    assert "0.14" in found.detail


def test_little_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WHEELYARD_CACHE", str(tmp_path / "not/yet"))
    assert str(tmp_path / "not/yet") in tools.space().detail
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    found = tools.space()
    assert found.status == "missing"
    assert "WHEELYARD_CACHE" in found.advice


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("ID=debian\n", "debian"),
        ("NAME=x\nID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID="rhel"\nID_LIKE="fedora"\n', "rhel"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel"),
        ("ID=fedora\n", "fedora"),
        ('ID="ol"\nID_LIKE="fedora"\n', "rhel"),
        ("ID=arch\n", None),
        ("ID='broken \"\n=", None),
    ],
)
def test_families(monkeypatch: pytest.MonkeyPatch, text: str, family: str | None) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, *arguments: text)
    assert model.family() == family


def test_nothing_to_install() -> None:
    fine = Finding(name="x", status="ok", purpose="y", detail="z", packages=model.by_family("a", "b", "c"))
    assert doctor.install_command([fine], "debian") is None
