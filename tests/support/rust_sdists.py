"""Crates and extensions in Rust."""

from __future__ import annotations

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
version = 3
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

static mut MODULE: pyo3::ModuleDef = pyo3::ModuleDef::named(b"rusty\\0".as_ptr() as *const _);

#[no_mangle]
pub unsafe extern "C" fn PyInit_rusty() -> *mut c_void {
    let module = pyo3::PyModule_Create2(std::ptr::addr_of_mut!(MODULE), 1013);
    let said = CString::new(format!("{}, by {}", std::env::consts::ARCH, env!("BUILT_BY"))).unwrap();
    pyo3::PyModule_AddStringConstant(module, b"built_for\\0".as_ptr() as *const _, said.as_ptr());
    module
}
"""


# Runs on the machine that builds: so it must be linked by its linker.
BUILD_SCRIPT = 'fn main() { println!("cargo:rustc-env=BUILT_BY={}", std::env::consts::ARCH); }\n'


BINDINGS = """\
use std::ffi::c_void;
use std::os::raw::{c_char, c_int};

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
