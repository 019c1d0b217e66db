"""Building on a Mac: its commands and variables, held against CPython's own code for Macs, delocate and the shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Limits
from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import RepairRequest
from wheelyard.domain.target import BuildHost, Target
from wheelyard.repair import delocate
from wheelyard.sandbox.local import Bare
from wheelyard.sandbox.seatbelt import sandboxed
from wheelyard.targets import platforms
from wheelyard.toolchain.apple import AppleToolchain, variables
from wheelyard.toolchain.local import LocalToolchain

ARM = Target(name="mac", python="3.12", python_full="3.12.1", platform="macosx_11_0_arm64")
INTEL = replace(ARM, platform="macosx_10_13_x86_64")
BOTH = replace(ARM, platform="macosx_10_13_universal2")

# What CPython does on a Mac with the flags that it was built with itself, as python.org's are.
ASK = """
import _osx_support, json, os, sysconfig
os.uname = lambda: os.uname_result(("Darwin", "", "23.0.0", "", "arm64"))
flags = {"CC": "clang", "CFLAGS": "-arch arm64 -arch x86_64 -O3", "LDFLAGS": "-arch arm64 -arch x86_64 -g"}
changed = _osx_support._override_all_archs(dict(flags))
print(json.dumps([sysconfig.get_platform(), changed["CFLAGS"].split(), changed["LDFLAGS"].split()]))
"""


@pytest.mark.parametrize(
    ("target", "version", "archs", "platform"),
    [
        (ARM, "11.0", ["arm64"], "macosx-11.0-arm64"),
        (INTEL, "10.13", ["x86_64"], "macosx-10.13-x86_64"),
        (BOTH, "10.13", ["x86_64", "arm64"], "macosx-10.13-universal2"),
    ],
)
def test_python_compiles_for_the_target(target: Target, version: str, archs: list[str], platform: str) -> None:
    found = variables(target)
    assert found["MACOSX_DEPLOYMENT_TARGET"] == version
    assert found["CMAKE_OSX_ARCHITECTURES"] == ";".join(archs)
    said = subprocess.run(
        [sys.executable, "-c", ASK], env={"PATH": os.defpath, **found}, capture_output=True, check=True
    )
    flags = [word for arch in archs for word in ("-arch", arch)]
    reported, compiling, linking = json.loads(said.stdout)
    assert reported == platform
    assert [word for word in compiling if word != "-O3"] == flags
    assert [word for word in linking if word != "-g"] == flags


def test_libraries_and_sdk() -> None:
    found = variables(replace(ARM, build=BuildHost(libraries="/opt/own", apple_sdk="/opt/MacOSX14.sdk")))
    assert (found["CPPFLAGS"], found["LDFLAGS"]) == ("-I/opt/own/include", "-L/opt/own/lib")
    assert found["SDKROOT"] == "/opt/MacOSX14.sdk"
    assert not {"CPPFLAGS", "LDFLAGS", "SDKROOT"} & set(variables(ARM))


def test_a_sandbox_with_the_variables(tmp_path: Path) -> None:
    native = LocalToolchain(python=Path(sys.executable), identity="Apple clang 15", local=Bare())
    target = replace(BOTH, build=BuildHost(apple_sdk="/opt/MacOSX14.sdk"))
    toolchain = AppleToolchain(target=target, native=native, here=ARM)
    assert toolchain.identity == "Apple clang 15, MacOSX14.sdk"
    assert toolchain.machine == ARM
    assert AppleToolchain(target=ARM, native=native, here=ARM).machine is None
    done = toolchain.sandbox(Recipe()).run(
        Command(
            argv=("/usr/bin/env",),
            cwd=tmp_path,
            env={"PATH": os.defpath, "MACOSX_DEPLOYMENT_TARGET": "12.0"},
            writable=(tmp_path,),
            limits=Limits(seconds=300),
        )
    )
    said = done.output.splitlines()
    assert "ARCHFLAGS=-arch x86_64 -arch arm64" in said
    assert "MACOSX_DEPLOYMENT_TARGET=12.0" in said  # a package's own rule comes first


def test_the_command_of_apples_sandbox(tmp_path: Path) -> None:
    real, link, read = tmp_path / 'a "b', tmp_path / "link", tmp_path / "python"
    real.mkdir()
    link.symlink_to(real)
    profile = (
        "(version 1)(allow default)(deny network*)(deny file-write*)"
        '(deny file-read-data (subpath "/Users") (subpath "/Volumes"))'
        '(allow file-read-data (subpath (param "READ0")))(allow file-read-data (subpath (param "READ1")))'
        '(allow file-write* (subpath (param "WRITE0")))'
        '(allow file-write* (literal "/dev/null"))(allow file-write* (literal "/dev/zero"))'
        '(allow file-write* (literal "/dev/dtracehelper"))(allow file-write* (literal "/dev/tty"))'
    )
    parameters = [f"-DREAD0={read}", f"-DREAD1={real}", f"-DWRITE0={real}"]
    assert sandboxed(Command(argv=("make", "all"), cwd=tmp_path, readable=(read,), writable=(link,))) == [
        *("/usr/bin/sandbox-exec", *parameters, "-p", profile, "make", "all")
    ]


@pytest.mark.parametrize(
    ("here", "there", "does"),
    [
        ("macosx_14_0_arm64", "macosx_10_13_x86_64", True),
        ("macosx_14_0_arm64", "macosx_11_0_universal2", True),
        ("macosx_14_0_arm64", "manylinux_2_28_aarch64", False),
        ("manylinux_2_36_x86_64", "macosx_10_13_x86_64", False),
        ("manylinux_2_36_x86_64", "musllinux_1_2_x86_64", True),
        ("manylinux_2_36_x86_64", "manylinux_2_28_aarch64", False),
    ],
)
def test_what_a_machines_own_compiler_compiles_for(here: str, there: str, does: bool) -> None:
    assert platforms.compiles_for(platforms.parse(here), platforms.parse(there)) is does


def test_delocates_command() -> None:
    command = delocate.delocate_command(Path("/in/demo.whl"), Path("/out"), platforms.parse(BOTH.platform))
    assert command[1:] == [
        *("-v", "--lib-sdir", ".dylibs", "--sanitize-rpaths", "--require-archs", "x86_64,arm64"),
        *("--wheel-dir", "/out", "/in/demo.whl"),
    ]
    environment = delocate.environment(Path("/scratch"), platforms.parse(BOTH.platform), (Path("/a"), Path("/b")))
    assert environment["MACOSX_DEPLOYMENT_TARGET"] == "10.13"
    assert environment["DYLD_LIBRARY_PATH"] == "/a:/b"


def test_delocate_itself_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without objects in the wheel it needs none of Apple's tools."""
    if shutil.which("delocate-wheel", path=Path(sys.executable).parent) is None:
        pytest.skip("delocate is not installed")
    monkeypatch.setattr(delocate, "has_apple_tools", lambda: True)
    pure = make_wheel(tmp_path, "demo", "1.0", files={"demo.py": b""})
    repaired = delocate.repair(RepairRequest(wheel=pure, into=tmp_path / "out", target=ARM, log=tmp_path / "log"))
    assert (repaired.path.name, repaired.grafted) == ("demo-1.0-py3-none-any.whl", ())
    named = make_wheel(tmp_path, "demo", "1.0", tag="cp312-cp312-macosx_11_0_arm64", files={"demo.py": b""})
    with pytest.raises(RepairError, match="Failed to find any binary with the required architecture: 'arm64'"):
        delocate.repair(RepairRequest(wheel=named, into=tmp_path / "out", target=ARM, log=tmp_path / "log"))
