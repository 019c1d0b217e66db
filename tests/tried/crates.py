"""A maturin and a setuptools-rust project with PyO3 and some thirty crates, compiled twice without network.

python -m tests.tried.crates

The crates come from a registry on this machine, made from Debian's ``librust-pyo3-dev`` and what that needs, which no
build sees. Each time everything is fetched, locked and built anew, in a folder and store of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.crates import LocalRegistry
from tests.support.packages import make_sdist
from tests.support.rust_sdists import MATURIN, SETUPTOOLS
from tests.tried import page

HEAD = ("project", "crates", "the two wheels")

CRATES = (
    *("adler", "cfg-if", "crc32fast", "either", "fallible-iterator", "fixedbitset", "getrandom", "itoa", "lazy_static"),
    *("num-integer", "num-traits", "num_cpus", "rand_chacha", "rustc-demangle", "ryu", "seahash", "stable_deref_trait"),
    *("subtle", "tinyvec", "unicode-ident", "version_check"),
)
MANIFEST = """\
[package]
name = "rusty"
version = "1.0.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[profile.release]
opt-level = 0  # that it compiles is tried, not how fast it is
[dependencies]
pyo3 = { version = "0.17", default-features = false, features = ["extension-module", "indoc", "unindent"] }
"""
MODULE = """\
use pyo3::{ffi, Python};
use std::ptr::{addr_of_mut, null, null_mut};

static mut MODULE: ffi::PyModuleDef = ffi::PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: b"rusty\\0".as_ptr() as *const _,
    m_doc: null(),
    m_size: -1,
    m_methods: null_mut(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

#[no_mangle]
pub unsafe extern "C" fn PyInit_rusty() -> *mut ffi::PyObject {
    let module = ffi::PyModule_Create(addr_of_mut!(MODULE));
    let answer = itoa::Buffer::new().format(6 * 7).parse().unwrap();
    ffi::PyModule_AddIntConstant(module, b"answer\\0".as_ptr() as *const _, answer);
    assert!(Python::with_gil(|py| py.version_info() >= (3, 7)));
    module
}
"""


def build(backend: str, pyproject: str, folder: Path) -> tuple[int, Path]:
    """Lock and build the project; return how many crates were fetched, and the wheel.

    :raises CalledProcessError: if that fails; what was said is on the terminal.
    """
    registry = LocalRegistry(folder / "registry")
    registry.add_debian()
    manifest = MANIFEST + "".join(f'{name} = {{ version = "*", default-features = false }}\n' for name in CRATES)
    files = {"pyproject.toml": pyproject, "Cargo.toml": manifest, "src/lib.rs": MODULE}
    make_sdist(folder, "rusty", "1.0", files)
    (folder / "requirements.in").write_text("./rusty-1.0.tar.gz\n")
    (folder / "wheelyard.toml").write_text('requirements = ["requirements.in"]\n')
    home = registry.configure(folder / "cargo")
    env = {**os.environ, "CARGO_HOME": str(home), "WHEELYARD_CACHE": str(folder / "cache")}
    env["PATH"] = f"/usr/bin:{env['PATH']}"
    for words in (["lock"], ["build"]):
        subprocess.run([sys.executable, "-m", "wheelyard", *words], cwd=folder, env=env, check=True)
    (wheel,) = (folder / "wheelhouse" / "files").glob("rusty-*.whl")
    rows = json.loads((folder / "wheelhouse" / "provenance.json").read_bytes()).values()
    print(f"{backend}: {wheel.name}", flush=True)
    return sum(len(row.get("prefetched", ())) for row in rows), wheel


def main() -> int:
    """Build them, print the rows, write the page; return 1 if two wheels differ."""
    rows: list[Sequence[str]] = []
    for backend, pyproject in (("maturin", MATURIN), ("setuptools-rust", SETUPTOOLS)):
        with tempfile.TemporaryDirectory(prefix="crates-") as name:
            counts, contents = set(), set()
            for turn in ("first", "second"):
                folder = Path(name, turn)
                folder.mkdir()
                count, wheel = build(backend, pyproject, folder)
                counts.add(count)
                contents.add(wheel.read_bytes())
                shutil.rmtree(folder)
        same = "are the same bytes" if len(contents) == 1 else "DIFFER"
        rows.append((backend, " or ".join(map(str, sorted(counts))), same))
        print(page.line(rows[-1]), flush=True)
    page.write("tried-crates", HEAD, rows)
    return 1 if any("DIFFER" in result for *_, result in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
