"""Variants of packages that nobody knows, by what their build system understands: CMake and Cargo."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.packages import make_sdist
from tests.support.rust_sdists import CRATES, MATURIN, MODULE
from tests.support.variant_yard import DEMO, HERE, Done, Yard, needs_compiler
from wheelyard.toolchain.zig import rust
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.simd.check import inspect_wheel

pytestmark = [*needs_compiler, pytest.mark.slow]

CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(cmakedemo LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
python_add_library(_core MODULE WITH_SOABI src/_core.c)
target_compile_options(_core PRIVATE -O3 -ffast-math)
target_compile_definitions(_core PRIVATE BLASDEMO_BLAS=cmake)
target_link_libraries(_core PRIVATE LAPACK::LAPACK)
install(TARGETS _core DESTINATION cmakedemo)
install(FILES src/__init__.py DESTINATION cmakedemo)
"""
SCIKIT_BUILD = """\
[build-system]
requires = ["scikit-build-core"]
build-backend = "scikit_build_core.build"
[project]
name = "cmakedemo"
version = "1.0"
"""
LOOP = """
#[no_mangle]
pub extern "C" fn axpy(factor: f64, x: *const f64, y: *mut f64, length: usize) {
    let (x, y) = unsafe { (std::slice::from_raw_parts(x, length), std::slice::from_raw_parts_mut(y, length)) };
    for (to, from) in y.iter_mut().zip(x) {
        *to += factor * from;
    }
}
"""


def test_cmake_is_given_the_blas(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("there is no CMake")
    yard = Yard(root=tmp_path / "yard", cache=tmp_path / "cache")
    yard.root.mkdir()
    sources = {
        f"src/{name}": (DEMO / "src" / "blasdemo" / name).read_bytes().replace(b"blasdemo", b"cmakedemo")
        for name in ("__init__.py", "_core.c")
    }
    make_sdist(yard.root, "cmakedemo", "1.0", {"pyproject.toml": SCIKIT_BUILD, "CMakeLists.txt": CMAKE, **sources})
    table = '[[variant]]\nname = "fast"\nblas = "openblas"\nsimd = "x86-64-v3"\npackages = ["cmakedemo"]\n'
    done = yard.build(table, more="./cmakedemo-1.0.tar.gz\n", demo=False)
    assert done.code == 0, done.out + done.err
    (wheel,) = (yard.targets / f"{HERE}.fast").glob("cmakedemo-1.0+openblas.v3-*.whl")
    assert {name for binary in identity.binaries(wheel) for name in binary.blas} == {"openblas"}
    assert highest(wheel, tmp_path) == 3
    proof = done.notes("prove")[f"{HERE}.fast"] if "loaded" in str(done.notes("prove")) else ""
    assert "loaded: openblas in libscipy_openblas" in proof, done.notes("prove")
    assert "dgemm and eigh are right" in proof


def test_cargo_is_given_the_level(tmp_path: Path) -> None:
    found = rust.find_rust()
    if found is None:
        pytest.skip("there is no Rust")
    yard = Yard(root=tmp_path / "yard", cache=tmp_path / "cache")
    yard.root.mkdir()
    make_sdist(yard.root, "rusty", "1.0", {**CRATES, "src/lib.rs": MODULE + LOOP, "pyproject.toml": MATURIN})
    table = '[[variant]]\nname = "fast"\nsimd = "x86-64-v3"\npackages = ["rusty"]\n'
    done: Done = yard.build(table, more="./rusty-1.0.tar.gz\n", demo=False, within=as_the_systems(found))
    assert done.code == 0, done.out + done.err
    (plain,) = (yard.targets / HERE).glob("rusty-1.0-*.whl")
    (fast,) = (yard.targets / f"{HERE}.fast").glob("rusty-1.0+v3-*.whl")
    assert highest(plain, tmp_path) < 3
    assert highest(fast, tmp_path) == 3


def as_the_systems(found: rust.Rust) -> list[str]:
    """Return a command that runs others where this Rust is the system's: no other is to be seen in a sandbox."""
    if found.root == Path("/usr"):
        return []
    if os.geteuid() != 0:
        pytest.skip("only root can show this Rust as the system's")
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr/local && exec "$@"', str(found.root)]


def highest(wheel: Path, scratch: Path) -> int:
    """Return the level that a wheel's own function ``axpy`` or the loop in it needs."""
    (code,) = inspect_wheel(wheel, scratch / "objects")
    return code.highest
