"""Meson and CMake believe the target too: their own files, and small projects built by the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cross_targets import Build, cross
from tests.support.downloads import environment
from tests.support.packages import make_sdist
from tests.support.sdists import extension
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.toolchain.zig import toolfiles
from wheelyard.wheels.objects.check import objects

MAC, S390X = platforms.parse("macosx_11_0_arm64"), platforms.parse("manylinux_2_17_s390x")

MESON = """\
project('demo', 'c', version: '1.0')
py = import('python').find_installation(pure: false)
assert(host_machine.system() == 'darwin' and host_machine.cpu_family() == 'aarch64')
py.extension_module('demo', 'demo.c', install: true)
"""
MESON_PROJECT = """\
[build-system]
requires = ["meson-python"]
build-backend = "mesonpy"
[project]
name = "demo"
version = "1.0"
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.21...4.1)
project(demo LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Darwin")
  message(FATAL_ERROR "not for macOS")
endif()
python_add_library(demo MODULE demo.c WITH_SOABI)
install(TARGETS demo DESTINATION .)
"""
CMAKE_PROJECT = """\
[build-system]
requires = ["scikit-build-core"]
build-backend = "scikit_build_core.build"
[project]
name = "demo"
version = "1.0"
"""


def test_mesons_cross_file() -> None:
    text = toolfiles.meson(MAC, Path("/t"))
    for line in ("c = '/t/cc'", "system = 'darwin'", "cpu_family = 'aarch64'", "needs_exe_wrapper = true"):
        assert line in text
    assert "longdouble_format = 'IEEE_DOUBLE_LE'" in text
    assert "endian = 'big'" in toolfiles.meson(S390X, Path("/t"))


def test_cmakes_toolchain_file() -> None:
    text = toolfiles.cmake(MAC, Path("/t"), Path("/i"), ".cpython-312-darwin.so")
    for name, value in (
        ("CMAKE_SYSTEM_NAME", "Darwin"),
        ("CMAKE_OSX_DEPLOYMENT_TARGET", "11.0"),
        ("Python_INCLUDE_DIR", "/i"),
    ):
        assert f'set({name} "{value}")' in text
    assert '_SOABI "cpython-312-darwin")' in text
    assert "OSX" not in toolfiles.cmake(S390X, Path("/t"), Path("/i"), ".x.so")


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        (
            {"pyproject.toml": MESON_PROJECT, "meson.build": MESON},
            ["meson-python==0.18.0", "meson==1.9.1", "ninja==1.13.0", "pyproject-metadata==0.9.1", "packaging==25.0"],
        ),
        (
            {"pyproject.toml": CMAKE_PROJECT, "CMakeLists.txt": CMAKE},
            ["scikit-build-core==0.11.6", "cmake==4.1.2", "ninja==1.13.0", "pathspec==0.12.1", "packaging==25.0"],
        ),
    ],
    ids=["meson-python", "scikit-build-core"],
)
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("cross")
def test_a_project_is_built(
    build: Build, store: Store, tmp_path: Path, files: dict[str, str], needs: list[str]
) -> None:
    source = make_sdist(tmp_path, "demo", "1.0", {**files, "demo.c": extension("demo")})
    wheel = build(source, cross("macosx_11_0_arm64", "3.12"), needs=environment(store, tmp_path, *needs))
    assert wheel.filename == "demo-1.0-cp312-cp312-macosx_11_0_arm64.whl"
    assert [name for name, _ in objects(store.path(wheel.sha256))] == ["demo.cpython-312-darwin.so"]
