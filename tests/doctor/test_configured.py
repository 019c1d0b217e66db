"""What a configuration needs of this machine is said target by target, with what to install."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wheelyard.config.load import load
from wheelyard.doctor import configured
from wheelyard.doctor.model import Finding
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.lock import pylock

TARGETS = """
requirements = ["r.in"]
[[target]]
name = "here"
python = "3.11"
platform = "manylinux_2_17_x86_64"
interpreter = "{python}"
[[target]]
name = "mac"
preset = "macos-arm64"
toolchain = "zig"
[[target]]
name = "boxed"
preset = "el9"
image = "images.example/builder"
host-image = "images.example/host"
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "r.in").write_text("six\n")
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    text = TARGETS.format(python=sys.executable).replace('python = "3.11"', f'python = "{found}"')
    (tmp_path / "wheelyard.toml").write_text(text)
    return tmp_path / "wheelyard.toml"


def test_what_is_missing_is_named_with_the_extra_to_install(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Finding(name="container engine", status="missing", purpose="", detail="neither podman nor docker")
    monkeypatch.setattr("wheelyard.doctor.places.engine", lambda *_: absent)
    monkeypatch.setattr("shutil.which", lambda name: None)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name in ("ziglang", "repairwheel", "delocate") else real(name)
    )
    found = {each.name: each for each in configured.examine_for(load(configuration))}
    assert found["here: proof"].status == "ok"
    assert found["mac: proof"].status == "partial"
    for name in ("mac: zig", "mac: repairwheel"):
        assert (found[name].status, found[name].advice) == ("missing", "pip install 'wheelyard[cross]'")
    for name in ("boxed: proof", "boxed: image"):
        assert (found[name].status, found[name].detail) == ("missing", "neither podman nor docker")


def test_the_command_says_nothing_of_what_is_not_needed(configuration: Path) -> None:
    command = [sys.executable, "-m", "wheelyard", "doctor", "wheelyard.toml", "--json"]
    done = subprocess.run(command, cwd=configuration.parent, capture_output=True, text=True, check=True)
    names = [each["name"] for each in json.loads(done.stdout)["findings"]]
    assert names == ["here: proof", "mac: proof", "mac: zig", "mac: repairwheel", "boxed: proof", "boxed: image"]


def test_what_is_compiled_is_known_from_the_lock_beside(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = load(configuration).targets[0]
    file = LockedFile(filename="fast-1.0.tar.gz", sha256="0" * 64, path="fast-1.0.tar.gz")
    tool = LockedPackage(
        name="maturin", version="1.0", file=replace(file, filename="maturin-1.0-py3-none-any.whl"), reason=""
    )
    lock = Lock(
        target=target.name,
        requires_python="==3.11.*",
        environment="python_version >= '3'",
        requirements_sha256="",
        packages=(LockedPackage(name="fast", version="1.0", file=file, reason="", build_requirements=(tool,)),),
    )
    (configuration.parent / pylock.filename("here")).write_text(pylock.dumps(lock))
    real = shutil.which
    monkeypatch.setattr(
        "shutil.which", lambda name, *rest: None if name in ("cargo", "cc", "gcc", "clang") else real(name)
    )
    found = {each.name: each for each in configured.examine_for(load(configuration))}
    for name, packages in (("here: C compiler", ("gcc", "libc6-dev")), ("here: Rust", ("cargo",))):
        assert (found[name].status, found[name].purpose) == ("missing", "compiles fast")
        assert found[name].packages["debian"] == packages
