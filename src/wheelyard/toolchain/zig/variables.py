"""The ``sysconfig`` variables of another platform's Python: the ones that build backends ask for."""

from __future__ import annotations

import ast
import pprint
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wheelyard.domain.errors import ToolError
from wheelyard.targets.platforms import Platform
from wheelyard.toolchain.zig import zig

_FLAGS = "-O3 -DNDEBUG -Wall"


def generated(
    platform: Platform, python: str, *, abiflags: str, include: str, tools: Mapping[str, str]
) -> dict[str, object]:
    """Return the variables of a CPython for a platform.

    :param python: ``X.Y``.
    :param abiflags: ``sys.abiflags``: ``m`` before 3.8, ``t`` where free-threaded.
    :param include: folder of its headers.
    :param tools: paths of ``CC``, ``CXX``, ``AR`` and ``RANLIB``.
    """
    version = tuple(int(part) for part in python.split("."))
    short = python.replace(".", "")
    triplet = zig.multiarch(platform, (version[0], version[1]))
    soabi = f"cpython-{short}{abiflags}-{triplet}"
    mac = platform.family == "macosx"
    shared = "-bundle -undefined dynamic_lookup" if mac else "-shared"
    found: dict[str, object] = {
        "ABIFLAGS": abiflags,
        "ARFLAGS": "rcs",
        "BASECFLAGS": "-Wall",
        "BLDSHARED": f"{tools['CC']} {shared}",
        "CCSHARED": "" if mac else "-fPIC",
        "CFLAGS": _FLAGS,
        "CONFINCLUDEDIR": str(Path(include).parent),
        "CONFINCLUDEPY": include,
        "CONFIG_ARGS": "",
        "CPPFLAGS": "",
        "EXE": "",
        "EXT_SUFFIX": f".{soabi}.so",
        "HOST_GNU_TYPE": f"{platform.cpu}-{'apple-darwin' if mac else 'unknown-linux-gnu'}",
        "INCLUDEDIR": str(Path(include).parent),
        "INCLUDEPY": include,
        "LDCXXSHARED": f"{tools['CXX']} {shared}",
        "LDFLAGS": "",
        "LDLIBRARY": f"libpython{python}{abiflags}.a",
        "LDSHARED": f"{tools['CC']} {shared}",
        "LIBDIR": "",
        "LIBM": "" if mac else "-lm",
        "LIBPL": "",
        "LIBRARY": f"libpython{python}{abiflags}.a",
        "LIBS": "",
        "LINKCC": tools["CC"],
        "MACHDEP": "darwin" if mac else "linux",
        "MULTIARCH": triplet,
        "OPT": _FLAGS,
        "PY_CFLAGS": _FLAGS,
        "PYTHONFRAMEWORK": "",
        "Py_DEBUG": 0,
        "Py_ENABLE_SHARED": 0,
        "Py_GIL_DISABLED": 1 if "t" in abiflags else 0,
        "SHLIB_SUFFIX": ".so",
        "SIZEOF_VOID_P": 4 if platform.cpu in ("i686", "armv7l") else 8,
        "SO": f".{soabi}.so",
        "SOABI": soabi,
        "VERSION": python,
        **tools,
    }
    if mac:
        found["MACOSX_DEPLOYMENT_TARGET"] = f"{platform.version[0]}.{platform.version[1]}"
    return found


def merged(given: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return a real Python's variables with the places and tools of this machine put in, as ``own`` has them.

    :raises ToolError: if that Python is another one.
    """
    for name in ("EXT_SUFFIX", "VERSION"):
        if given.get(name, own[name]) != own[name]:
            raise ToolError(
                f"it has {name} {given[name]!r}, the target {own[name]!r}",
                where="[[target]] sdk",
                hint="name the SDK of the target's Python and platform",
            )
    kept = {"OPT", "CFLAGS", "PY_CFLAGS", "CPPFLAGS", "LIBS", "LIBM", "CONFIG_ARGS"}
    whole = {**given, **{name: value for name, value in own.items() if name not in kept or name not in given}}
    for name in ("CFLAGS", "PY_CFLAGS", "CPPFLAGS", "LDFLAGS"):
        # What it was built with lies in folders of the machine that built it.
        whole[name] = " ".join(_portable(str(whole.get(name, "")).split()))
    return whole


def _portable(flags: Sequence[str]) -> Iterator[str]:
    """Yield the flags that mean something on another machine and for one CPU."""
    words = iter(flags)
    for word in words:
        if word in ("-arch", "-isysroot", "-I", "-L", "-F"):
            next(words, None)
        elif not word.startswith(("-I", "-L", "-F", "-isysroot", "-Wl,-rpath")):
            yield word


def parse(text: str, where: str) -> dict[str, object]:
    """Return ``build_time_vars`` of a ``_sysconfigdata_*.py``; nothing of it is run.

    :raises ToolError: if it is none.
    """
    try:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "build_time_vars":
                found = ast.literal_eval(node.value)
                if isinstance(found, dict):
                    return found
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError(f"cannot be read: {error}", where=where) from error
    raise ToolError("it has no build_time_vars", where=where)


def dumps(variables: Mapping[str, object]) -> str:
    """Return the text of a ``_sysconfigdata_*.py``."""
    return f"build_time_vars = {pprint.pformat(dict(variables), width=120)}\n"
