"""What Meson and CMake are told of a cross build: a cross file, a toolchain file."""

from __future__ import annotations

from pathlib import Path

from wheelyard.targets.platforms import Platform

_FAMILIES = {"arm64": "aarch64", "ppc64le": "ppc64", "i686": "x86", "armv7l": "arm"}
_BIG_ENDIAN = ("s390x", "ppc64")


def meson(platform: Platform, tools: Path, build_python: str = "python") -> str:
    """Return Meson's cross file.

    :param tools: folder of the wrappers.
    """
    family = _FAMILIES.get(platform.cpu, platform.cpu)
    cpu = {"arm64": "aarch64"}.get(platform.cpu, platform.cpu)
    return f"""\
[binaries]
c = '{tools}/cc'
cpp = '{tools}/c++'
ar = '{tools}/ar'
ranlib = '{tools}/ranlib'
strip = '{tools}/strip'
fortran = '{tools}/gfortran'
python = '{build_python}'
pkg-config = 'pkg-config'
cython = 'cython'

[built-in options]
c_std = 'none'

[properties]
needs_exe_wrapper = {"true" if platform.family == "macosx" else "false"}
longdouble_format = '{_long_double(platform)}'

[host_machine]
system = '{"darwin" if platform.family == "macosx" else "linux"}'
cpu_family = '{family}'
cpu = '{cpu}'
endian = '{"big" if platform.cpu in _BIG_ENDIAN else "little"}'
"""


def _long_double(platform: Platform) -> str:
    """Return NumPy's name of the format of ``long double``, which it would find out by running a program."""
    if platform.cpu == "x86_64":
        return "INTEL_EXTENDED_16_BYTES_LE"
    if platform.family == "macosx":
        return "IEEE_DOUBLE_LE"
    return "IEEE_QUAD_BE" if platform.cpu in _BIG_ENDIAN else "IEEE_QUAD_LE"


def cmake(platform: Platform, tools: Path, include: Path, suffix: str) -> str:
    """Return CMake's toolchain file; it answers FindPython's questions about the target."""
    mac = platform.family == "macosx"
    lines = {
        "CMAKE_SYSTEM_NAME": "Darwin" if mac else "Linux",
        "CMAKE_SYSTEM_PROCESSOR": platform.cpu,
        "CMAKE_C_COMPILER": tools / "cc",
        "CMAKE_CXX_COMPILER": tools / "c++",
        "CMAKE_AR": tools / "ar",
        "CMAKE_RANLIB": tools / "ranlib",
        "CMAKE_STRIP": tools / "strip",
        "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY",
        "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY",
        **{f"{name}_INCLUDE_DIR": include for name in ("Python", "Python3", "PYTHON")},
        "PYTHON_MODULE_EXTENSION": suffix,
        "Python_SOABI": suffix[1:-3],
        "Python3_SOABI": suffix[1:-3],
    }
    if mac:
        lines["CMAKE_OSX_ARCHITECTURES"] = platform.cpu
        lines["CMAKE_OSX_DEPLOYMENT_TARGET"] = f"{platform.version[0]}.{platform.version[1]}"
        lines["CMAKE_OSX_SYSROOT"] = ""
        lines["CMAKE_INSTALL_NAME_TOOL"] = "/bin/true"
    return "".join(f'set({name} "{value}")\n' for name, value in lines.items())
