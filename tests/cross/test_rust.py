"""Extensions in Rust: built by maturin and setuptools-rust with Zig as the linker, for each standard library here.

The crate ``pyo3`` is a stand-in under the name by which maturin knows Python's bindings; another comes from a registry.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.crates import LocalRegistry, with_lock
from tests.support.cross_targets import Build, Toolchain, cross
from tests.support.downloads import environment, locked
from tests.support.packages import make_sdist
from tests.support.rust_sdists import CARGO, CRATES, MATURIN, SETUPTOOLS
from wheelyard import prefetch
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import Failures
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.toolchain.zig import rust
from wheelyard.wheels.objects.check import objects

MAC, HERE = platforms.parse("macosx_11_0_arm64"), platforms.parse("manylinux_2_36_x86_64")

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
    monkeypatch: pytest.MonkeyPatch,
    project: str,
    needs: list[str],
) -> None:
    target = cross("manylinux_2_17_x86_64", "3.12")
    registry = LocalRegistry(tmp_path / "registry")
    registry.add_new("leaf", "1.0.0", 'pub fn by() -> &\'static str { "by" }\n')
    monkeypatch.setenv("CARGO_HOME", str(registry.configure(tmp_path / "cargo")))
    module = CRATES["src/lib.rs"].replace(
        '"{}, by {}", std::env::consts::ARCH', '"{}, {} {}", std::env::consts::ARCH, leaf::by()'
    )
    files = {**CRATES, "src/lib.rs": module, "Cargo.toml": f'{CARGO}leaf = "1"\n', "pyproject.toml": project}
    source = make_sdist(tmp_path, "rusty", "1.0", with_lock(files, tmp_path / "project"))
    environ = environment(store, tmp_path, *needs)
    package = replace(locked(store, source), build_requirements=environ)
    assert len(prefetch.bring(package, (), store=store, root=tmp_path)) == 1

    wheel = build(source, target, needs=environ)

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
def test_a_lock_that_is_out_of_date(build: Build, store: Store, tmp_path: Path) -> None:
    source = make_sdist(
        tmp_path,
        "rusty",
        "1.0",
        {**CRATES, "Cargo.toml": f'{CARGO}libc = "0.2"\n', "pyproject.toml": MATURIN},
    )
    with pytest.raises(Failures, match=r"crates that no Cargo\.lock of it pins"):
        build(source, cross("manylinux_2_17_x86_64", "3.12"), needs=environment(store, tmp_path, "maturin==1.9.6"))
