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
    if platform.cpu in ("x86_64", "i686"):
        return f"INTEL_EXTENDED_{16 if platform.cpu == 'x86_64' else 12}_BYTES_LE"
    if platform.family == "macosx" or (platform.cpu, platform.family) == ("ppc64le", "musllinux"):
        return "IEEE_DOUBLE_LE"
    if platform.cpu == "ppc64le":
        return "IBM_DOUBLE_DOUBLE_LE"
    return "IEEE_QUAD_BE" if platform.cpu in _BIG_ENDIAN else "IEEE_QUAD_LE"


def cmake(platform: Platform, tools: Path, include: Path, suffix: str) -> str:
    """Return CMake's toolchain file; it answers FindPython's questions about the target.

    FindPython asks no interpreter in a cross build, and since CMake 4.1 (policy CMP0190) refuses to look for one: so
    ``find_package`` is wrapped, once, as package managers' toolchain files do.
    """
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
    }
    if mac:
        lines["CMAKE_OSX_ARCHITECTURES"] = platform.cpu
        lines["CMAKE_OSX_DEPLOYMENT_TARGET"] = f"{platform.version[0]}.{platform.version[1]}"
        lines["CMAKE_OSX_SYSROOT"] = ""
        lines["CMAKE_INSTALL_NAME_TOOL"] = "/bin/true"
    return "".join(f'set({name} "{value}")\n' for name, value in lines.items()) + _FIND_PACKAGE % suffix[1:-3]


_FIND_PACKAGE = """\
get_property(wheelyard_wrapped GLOBAL PROPERTY wheelyard_wrapped)
if(NOT wheelyard_wrapped)
  set_property(GLOBAL PROPERTY wheelyard_wrapped TRUE)
  macro(find_package)
    cmake_policy(PUSH)
    if(POLICY CMP0190)
      cmake_policy(SET CMP0190 OLD)
    endif()
    _find_package(${ARGV})
    cmake_policy(POP)
    foreach(wheelyard_python IN ITEMS Python Python3)
      if(${wheelyard_python}_FOUND AND NOT ${wheelyard_python}_SOABI)
        set(${wheelyard_python}_SOABI "%s")
      endif()
    endforeach()
  endmacro()
endif()
"""
