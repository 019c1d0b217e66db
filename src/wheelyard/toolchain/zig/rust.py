"""Rust: the one that this machine's ``PATH`` leads to, and what Cargo and maturin are told of a cross build."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.io import process as door
from wheelyard.targets.platforms import Platform
from wheelyard.toolchain.zig import zig

_NO_LIBRARY = re.compile(r"the `([\w-]+)` target may not be installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rust:
    """A compiler of this machine, with the standard libraries that it has."""

    version: str
    """``rustc 1.95.0 (59807616e 2026-04-14)``."""
    root: Path
    """Its folder, as ``rustc --print sysroot`` has it; behind rustup's shims, the chosen toolchain's."""

    @property
    def programs(self) -> Path:
        """The folder of ``cargo`` and ``rustc``."""
        return self.root / "bin"


@functools.cache
def find_rust() -> Rust | None:
    """Return the Rust of ``PATH``, or None where there is none that runs."""
    program = shutil.which("rustc")
    if program is None:
        return None
    version, root = (door.run([program, *words], timeout=60) for words in (["--version"], ["--print", "sysroot"]))
    if version.returncode != 0 or root.returncode != 0:
        return None  # rustup without a toolchain
    return Rust(version=version.output.strip(), root=Path(root.output.strip()))


def variables(
    platform: Platform, machine: Platform, *, tools: Path, library: Path, python: str, compiler: str
) -> Mapping[str, str]:
    """Return the variables by which Cargo, maturin and PyO3 compile for a platform.

    :param machine: the platform of the machine that builds: build scripts and procedural macros run there.
    :param tools: folder of the wrappers.
    :param library: folder of the target's ``_sysconfigdata_*.py``, and of nothing else.
    :param python: ``X.Y``, with ``t`` behind it for a free-threaded build.
    :param compiler: the machine's own C compiler, which links what runs there.
    """
    triple, own = zig.rust_triple(platform), zig.rust_triple(machine)
    found = {
        "CARGO_BUILD_TARGET": triple,
        "CARGO_NET_OFFLINE": "true",
        _of("LINKER", triple): f"{tools}/cc",
        **{f"{name}_{triple.replace('-', '_')}": f"{tools}/{tool}" for name, tool in _TOOLS.items()},
        "PYO3_CROSS": "1",
        "PYO3_CROSS_LIB_DIR": str(library),
        "PYO3_CROSS_PYTHON_VERSION": python.removesuffix("t"),
    }
    if own != triple:
        found[_of("LINKER", own)] = found["HOST_CC"] = compiler
    if platform.family == "musllinux":  # a static C library makes no shared object
        found[_of("RUSTFLAGS", triple)] = "-C target-feature=-crt-static"
    if platform.family != "macosx":  # what the wheel needs is found out when it is repaired
        found["MATURIN_PEP517_ARGS"] = "--compatibility linux"
    return found


_TOOLS = {"CC": "cc", "CXX": "c++", "AR": "ar"}


def _of(setting: str, triple: str) -> str:
    return f"CARGO_TARGET_{triple.replace('-', '_').upper()}_{setting}"


def advice(output: str) -> str | None:
    """Return what helps against a failure that is Rust's or Cargo's own, by what they printed; None: it is not."""
    if match := _NO_LIBRARY.search(output):
        return (
            f"Rust's standard library for {match[1]} is not installed where it is built: "
            f"`rustup target add {match[1]}`, or the distribution's package of it (rust-std)"
        )
    return None
