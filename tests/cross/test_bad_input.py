"""What a cross build cannot do is said with what helps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.cross_targets import Build, Toolchain, cross
from tests.support.greeting import greeting
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import Failures, ToolError, WheelyardError

pytestmark = pytest.mark.xdist_group("cross")

CONFIGURE = """
_build = build_wheel

def build_wheel(*arguments):
    with open("probe.c", "w") as stream:
        stream.write("int main(void) { return 0; }")
    subprocess.check_call(CC + ["probe.c", "-o", "probe"])
    subprocess.check_call(["./probe"])
    return _build(*arguments)
"""
FORTRAN = """
def build_wheel(*arguments):
    subprocess.check_call([os.environ["FC"], "-c", "a.f90"])
"""
FRAMEWORK = """
def build_wheel(*arguments):
    subprocess.check_call(CC + ["-bundle", "greet.c", "-framework", "Accelerate", "-o", "x.so"])
"""
NOT_LINKED = "\nLINK = False\n"


def failure(build: Build, sdist: Path, platform: str) -> WheelyardError:
    with pytest.raises(Failures) as caught:
        build(sdist, cross(platform, "3.12"))
    (error,) = caught.value.errors
    return error


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (CONFIGURE, r"greeting 1.0: build_wheel failed .*runs a program .* for macosx_11_0_arm64.*config-settings"),
        (FORTRAN, r"greeting 1.0: .*Zig has no Fortran compiler; build this package in an image.*image = "),
        (FRAMEWORK, r"greeting 1.0: .*framework Accelerate is part of Apple's SDK.*apple-sdk = "),
        (NOT_LINKED, r"would not load on macosx_11_0_arm64: greeting.cpython-312-darwin.so uses greet, which neither"),
    ],
)  # fmt: skip
def test_named_with_what_helps(build: Build, tmp_path: Path, more: str, said: str) -> None:
    error = failure(build, greeting(tmp_path, more=more), "macosx_11_0_arm64")
    message = str(error).replace("\n", " ")
    assert re.search(said, message), message


def test_an_absolute_install_name_is_reported(build: Build, tmp_path: Path) -> None:
    error = failure(build, greeting(tmp_path, install_name="/opt/boost/lib/libgreet.dylib"), "macosx_11_0_arm64")
    assert "greeting.cpython-312-darwin.so needs /opt/boost/lib/libgreet.dylib" in str(error)
    assert error.exit_code == 9


def test_packages_of_an_image_where_there_is_none(toolchain: Toolchain) -> None:
    with pytest.raises(ToolError, match="no image to install libyaml-dev into"):
        toolchain(cross("macosx_11_0_arm64", "3.12")).sandbox(Recipe(image_packages=("libyaml-dev",)))
