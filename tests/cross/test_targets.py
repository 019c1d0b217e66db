"""One extension with a shared library of its own, for every kind of target, on a machine of none of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cross_targets import Build, Toolchain, cross
from tests.support.greeting import greeting
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import ToolError
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.toolchain.zig import pyconfig, zig
from wheelyard.wheels.objects.check import objects

pytestmark = pytest.mark.xdist_group("cross")

TARGETS = [
    ("3.9", "macosx_11_0_arm64", "cpython-39-darwin", "arm64"),
    ("3.12", "macosx_10_13_x86_64", "cpython-312-darwin", "x86_64"),
    ("3.12", "manylinux_2_17_x86_64", "cpython-312-x86_64-linux-gnu", "x86_64"),
    ("3.9", "manylinux_2_17_aarch64", "cpython-39-aarch64-linux-gnu", "aarch64"),
    ("3.12", "musllinux_1_2_x86_64", "cpython-312-x86_64-linux-musl", "x86_64"),
    ("3.12", "manylinux_2_17_ppc64le", "cpython-312-powerpc64le-linux-gnu", "ppc64le"),
    ("3.12", "manylinux_2_17_s390x", "cpython-312-s390x-linux-gnu", "s390x"),
]


CPUS = ("x86_64", "aarch64", "ppc64le", "s390x", "i686")
HELLO = "import sys; sys.path[:0] = [sys.argv[1]]; import greeting; print(greeting.hello('yard'))"


@pytest.mark.parametrize(("python", "platform", "soabi", "cpu"), TARGETS)
def test_tagged_repaired_and_checked(
    build: Build, store: Store, tmp_path: Path, python: str, platform: str, soabi: str, cpu: str
) -> None:
    wheel = build(greeting(tmp_path), cross(platform, python))
    short = python.replace(".", "")
    assert wheel.filename.startswith(f"greeting-1.0-cp{short}-cp{short}-{platform}")
    assert wheel.platform_policy == platform
    assert len(wheel.grafted) == 1
    found = dict(objects(store.path(wheel.sha256)))
    assert f"greeting.{soabi}.so" in found
    assert len(found) == 2
    for name, each in found.items():
        assert each.cpu == cpu, name
        assert not each.text_relocations
        if platform.startswith("macosx"):
            assert each.minimum == tuple(int(part) for part in platform.split("_")[1:3])
            assert each.signature == "valid"
        elif platform.startswith("manylinux"):
            assert each.minimum is not None
            assert each.minimum <= (2, 17)
    content = store.path(wheel.sha256).read_bytes()
    assert str(store.root).encode() not in content


def test_the_glibc_one_is_imported_here(
    build: Build, unpacked: Callable[[BuiltWheel], Path], toolchain: Toolchain, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("needs Linux")
    target = cross("manylinux_2_17_x86_64", "3.12")
    folder = unpacked(build(greeting(tmp_path), target))
    said = subprocess.run(
        [toolchain(target).python, "-I", "-c", HELLO, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "hello, yard\n"


def test_the_same_bytes_again(build: Build, store: Store, tmp_path: Path) -> None:
    sdist, target = greeting(tmp_path), cross("macosx_11_0_arm64", "3.12")
    first = build(sdist, target)
    (store.area("builds") / f"{first.key}.json").unlink()
    assert build(sdist, target).sha256 == first.sha256


MACROS = {
    "SIZEOF_LONG": "__SIZEOF_LONG__",
    "SIZEOF_SIZE_T": "__SIZEOF_SIZE_T__",
    "SIZEOF_VOID_P": "__SIZEOF_POINTER__",
    "SIZEOF_LONG_DOUBLE": "__SIZEOF_LONG_DOUBLE__",
}
EVERY = [
    *("macosx_11_0_arm64", "macosx_10_13_x86_64", "manylinux_2_27_riscv64", "musllinux_1_2_riscv64"),
    *(f"{family}_{cpu}" for family in ("manylinux_2_17", "musllinux_1_2") for cpu in CPUS),
]


@pytest.mark.parametrize("platform", EVERY)
def test_sizes_are_the_compilers(platform: str) -> None:
    try:
        compiler = zig.find_zig()
    except ToolError as error:
        pytest.skip(str(error))
    known = pyconfig.sizes(platforms.parse(platform))
    done = subprocess.run(
        [compiler.program, "cc", "-target", zig.triple(platform), "-E", "-x", "c", "-"],
        input="\n".join(f"{name} {macro}" for name, macro in MACROS.items()),
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(line.split() for line in done.stdout.splitlines() if line.startswith("SIZEOF_"))
    assert said == {name: str(known[name]) for name in MACROS}
