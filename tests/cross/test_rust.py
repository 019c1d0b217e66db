"""Extensions in Rust: built by maturin and setuptools-rust with Zig as the linker, for each standard library here.

The crate ``pyo3`` is a stand-in under the name by which maturin knows Python's bindings: no crate is fetched.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cross.conftest import Build, Toolchain, cross
from tests.cross.test_real_packages import environment
from tests.simulators.packages import make_sdist
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import Failures
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.toolchain.zig import rust
from wheelyard.wheels.objects.check import objects

MAC, HERE = platforms.parse("macosx_11_0_arm64"), platforms.parse("manylinux_2_36_x86_64")

CARGO = """\
[package]
name = "rusty"
version = "1.0.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[dependencies]
pyo3 = { path = "pyo3" }
"""
LOCK = """\
version = 4
[[package]]
name = "pyo3"
version = "0.27.0"
[[package]]
name = "rusty"
version = "1.0.0"
dependencies = ["pyo3"]
"""
MODULE = """\
use std::ffi::{c_void, CString};

static mut MODULE: pyo3::ModuleDef = pyo3::ModuleDef::named(c"rusty".as_ptr());

#[no_mangle]
pub unsafe extern "C" fn PyInit_rusty() -> *mut c_void {
    let module = pyo3::PyModule_Create2(&raw mut MODULE, 1013);
    let said = CString::new(format!("{}, by {}", std::env::consts::ARCH, env!("BUILT_BY"))).unwrap();
    pyo3::PyModule_AddStringConstant(module, c"built_for".as_ptr(), said.as_ptr());
    module
}
"""
# Runs on the machine that builds: so it must be linked by its linker.
BUILD_SCRIPT = 'fn main() { println!("cargo:rustc-env=BUILT_BY={}", std::env::consts::ARCH); }\n'
BINDINGS = """\
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
pub struct ModuleDef {
    base: [*mut c_void; 5],
    name: *const c_char,
    doc: *const c_char,
    size: isize,
    rest: [*mut c_void; 5],
}

impl ModuleDef {
    pub const fn named(name: *const c_char) -> ModuleDef {
        let none = std::ptr::null_mut();
        ModuleDef { base: [1 as *mut c_void, none, none, none, none], name, doc: name, size: -1, rest: [none; 5] }
    }
}

extern "C" {
    pub fn PyModule_Create2(definition: *mut ModuleDef, version: c_int) -> *mut c_void;
    pub fn PyModule_AddStringConstant(module: *mut c_void, name: *const c_char, value: *const c_char) -> c_int;
}
"""
CRATES = {
    "Cargo.toml": CARGO,
    "Cargo.lock": LOCK,
    "build.rs": BUILD_SCRIPT,
    "src/lib.rs": MODULE,
    "pyo3/Cargo.toml": '[package]\nname = "pyo3"\nversion = "0.27.0"\nedition = "2021"\n',
    "pyo3/src/lib.rs": BINDINGS,
}
MATURIN = """\
[build-system]
requires = ["maturin>=1.0"]
build-backend = "maturin"
[project]
name = "rusty"
version = "1.0"
"""
SETUPTOOLS = """\
[build-system]
requires = ["setuptools", "setuptools-rust"]
build-backend = "setuptools.build_meta"
[project]
name = "rusty"
version = "1.0"
[[tool.setuptools-rust.ext-modules]]
target = "rusty"
path = "Cargo.toml"
binding = "NoBinding"
"""
BUILT_FOR = "import sys; sys.path[:0] = [sys.argv[1]]; import rusty; print(rusty.built_for)"


def test_what_cargo_is_told() -> None:
    found = rust.variables(MAC, HERE, tools=Path("/t"), library=Path("/l"), python="3.13t", compiler="/usr/bin/cc")
    assert found["CARGO_BUILD_TARGET"] == "aarch64-apple-darwin"
    assert found["CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER"] == "/t/cc"
    assert found["CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER"] == "/usr/bin/cc"
    assert found["PYO3_CROSS_PYTHON_VERSION"] == "3.13"


needs_rust = pytest.mark.skipif(rust.find_rust() is None, reason="there is no Rust here")


@needs_rust
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("cross")
@pytest.mark.parametrize(
    ("project", "needs"),
    [
        (MATURIN, ["maturin==1.9.6"]),
        (SETUPTOOLS, ["setuptools==80.9.0", "setuptools-rust==1.12.0", "semantic-version==2.10.0"]),
    ],
    ids=["maturin", "setuptools-rust"],
)
def test_for_an_old_glibc(
    build: Build,
    store: Store,
    toolchain: Toolchain,
    unpacked: Callable[[BuiltWheel], Path],
    tmp_path: Path,
    project: str,
    needs: list[str],
) -> None:
    target = cross("manylinux_2_17_x86_64", "3.12")
    source = make_sdist(tmp_path, "rusty", "1.0", {**CRATES, "pyproject.toml": project})

    wheel = build(source, target, needs=environment(store, tmp_path, *needs))

    assert wheel.filename.startswith("rusty-1.0-cp312-cp312-manylinux_2_17_x86_64")
    ((name, found),) = objects(store.path(wheel.sha256))
    assert Path(name).name == "rusty.cpython-312-x86_64-linux-gnu.so"
    assert found.minimum is not None
    assert found.minimum <= (2, 17)
    folder = unpacked(wheel)
    said = subprocess.run(
        [toolchain(target).python, "-I", "-c", BUILT_FOR, str(folder)], capture_output=True, text=True, check=True
    )
    assert said.stdout == "x86_64, by x86_64\n"


@needs_rust
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("cross")
def test_a_standard_library_that_is_missing_is_named(build: Build, store: Store, tmp_path: Path) -> None:
    found = rust.find_rust()
    assert found is not None
    if (found.root / "lib" / "rustlib" / "aarch64-apple-darwin").exists():
        pytest.skip("Rust's standard library for Macs is here")
    source = make_sdist(tmp_path, "rusty", "1.0", {**CRATES, "pyproject.toml": MATURIN})
    with pytest.raises(Failures, match="rustup target add aarch64-apple-darwin"):
        build(source, cross("macosx_11_0_arm64", "3.12"), needs=environment(store, tmp_path, "maturin==1.9.6"))


@needs_rust
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.xdist_group("cross")
def test_crates_that_the_sdist_has_not(build: Build, store: Store, tmp_path: Path) -> None:
    source = make_sdist(
        tmp_path,
        "rusty",
        "1.0",
        {**CRATES, "Cargo.toml": f'{CARGO}libc = "0.2"\n', "pyproject.toml": MATURIN},
    )
    with pytest.raises(Failures, match="crates that its sdist does not carry"):
        build(source, cross("manylinux_2_17_x86_64", "3.12"), needs=environment(store, tmp_path, "maturin==1.9.6"))
