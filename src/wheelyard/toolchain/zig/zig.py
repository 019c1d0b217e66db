"""Zig: where it is, and what it calls a platform."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.errors import ToolError
from wheelyard.io import process as door
from wheelyard.targets import platforms
from wheelyard.targets.platforms import Platform

_CPUS = {"arm64": "aarch64", "ppc64le": "powerpc64le", "i686": "x86", "armv7l": "arm"}
_GLIBC = ("x86_64", "aarch64", "ppc64le", "s390x", "i686", "riscv64")
_MUSL = ("x86_64", "aarch64", "ppc64le", "s390x", "i686", "riscv64")
_OLDEST_GLIBC = {"riscv64": (2, 27)}
_OLDEST_STUBS = {"ppc64le": (2, 19)}
"""Where Zig links with a newer glibc than hosts may have: what comes out is checked to need none of its own."""
_OLDEST_MACOS = {"arm64": (11, 0), "x86_64": (10, 13)}
"""What Zig has the system's libraries of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zig:
    """The compiler."""

    program: Path
    version: str

    @property
    def library(self) -> Path:
        """The folder of its headers and of the lists of what each C library has."""
        return self.program.parent / "lib"


@functools.cache
def find_zig() -> Zig:
    """Return the Zig of the ``ziglang`` wheel beside us, else the one of PATH.

    :raises ToolError: if there is none, or it does not run.
    """
    spec = importlib.util.find_spec("ziglang")
    beside = Path(spec.origin).parent / "zig" if spec is not None and spec.origin else None
    found = beside if beside is not None and beside.is_file() else shutil.which("zig")
    if found is None:
        raise ToolError("there is no Zig to compile with", hint="pip install ziglang")
    program = Path(found).resolve()
    done = door.run([program, "version"], timeout=60)
    if done.returncode != 0:
        raise ToolError(
            f"Zig does not run: {(done.errors or done.output).strip()[-300:]}",
            where=str(program),
            hint="install it anew: pip install --force-reinstall ziglang",
        )
    return Zig(program=program, version=done.output.strip())


def triple(tag: str) -> str:
    """Return what Zig calls a platform: ``aarch64-macos.11.0``, ``x86_64-linux-gnu.2.17``, ``x86_64-linux-musl``.

    :raises ToolError: if Zig cannot compile for it, with what it can.
    """
    platform = platforms.parse(tag)
    cpu = _CPUS.get(platform.cpu, platform.cpu)
    version = f"{platform.version[0]}.{platform.version[1]}"
    match platform.family:
        case "manylinux" if platform.cpu in _GLIBC and platform.version >= _OLDEST_GLIBC.get(platform.cpu, (2, 17)):
            major, minor = max(platform.version, _OLDEST_STUBS.get(platform.cpu, (2, 17)))
            return f"{cpu}-linux-gnu.{major}.{minor}"
        case "musllinux" if platform.cpu in _MUSL:
            return f"{cpu}-linux-musl"
        case "macosx" if platform.version >= _OLDEST_MACOS.get(platform.cpu, (99, 0)):
            return f"{cpu}-macos.{version}"
    raise _unknown(platform)


def _unknown(platform: Platform) -> ToolError:
    return ToolError(
        f"Zig does not compile for {platform.tag}",
        where='toolchain = "zig"',
        hint=f"manylinux from 2.17 (riscv64: 2.27) and musllinux ({', '.join(_GLIBC)}), macosx_11_0_arm64, "
        "macosx_10_13_x86_64, macosx_10_13_universal2 and newer; or name an image",
    )


def multiarch(platform: Platform, python: tuple[int, int]) -> str:
    """Return what CPython calls a platform in the names of extension modules (its ``PLATFORM_TRIPLET``).

    Before 3.11 it did not tell musl from glibc; since then it does.
    """
    if platform.family == "macosx":
        return "darwin"
    cpu = {"ppc64le": "powerpc64le", "i686": "i386"}.get(platform.cpu, platform.cpu)
    musl = platform.family == "musllinux" and python >= (3, 11)
    return f"{cpu}-linux-{'musl' if musl else 'gnu'}"


def system(platform: Platform) -> str:
    """Return what ``sysconfig.get_platform()`` is there: ``macosx-11.0-arm64``, ``linux-aarch64``."""
    if platform.family == "macosx":
        return f"macosx-{platform.version[0]}.{platform.version[1]}-{platform.cpu}"
    return f"linux-{platform.cpu}"


def rust_triple(platform: Platform) -> str:
    """Return what Rust calls a platform."""
    cpu = {"arm64": "aarch64", "ppc64le": "powerpc64le", "riscv64": "riscv64gc"}.get(platform.cpu, platform.cpu)
    if platform.family == "macosx":
        return f"{cpu}-apple-darwin"
    return f"{cpu}-unknown-linux-{'musl' if platform.family == 'musllinux' else 'gnu'}"
