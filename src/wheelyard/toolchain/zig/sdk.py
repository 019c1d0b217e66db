"""The target's Python for a cross build: headers and ``sysconfig`` of its version and platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.errors import ToolError
from wheelyard.io import process as door
from wheelyard.targets.platforms import Platform
from wheelyard.toolchain.zig import pyconfig, zig
from wheelyard.toolchain.zig.archive import read
from wheelyard.toolchain.zig.python import BuildPython, Development
from wheelyard.wheels.objects.systems import system_functions


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """Headers and variables, not yet at their place."""

    headers: Mapping[str, bytes]
    """By path below ``include/pythonX.Y``."""
    variables: Mapping[str, object]
    """What the archive's Python says of itself; empty where nothing was given."""
    abiflags: str
    prefix: Path
    """Where the Python that builds is: never to be compiled against."""


def make(
    python: BuildPython,
    own: Development,
    platform: Platform,
    *,
    compiler: zig.Zig,
    triple: str,
    archive: Path | None = None,
) -> Sdk:
    """Return the SDK of a Python for a platform: from an archive, else made from the one that builds.

    :raises ToolError: if that one has no headers, or the archive is of another Python.
    """
    prefix, abiflags = Path(own.prefix), own.abiflags
    if archive is not None:
        headers, given = read(archive, python.python)
        return Sdk(headers=headers, variables=given, abiflags=abiflags, prefix=prefix)
    if not (own.include / "pyconfig.h").is_file():
        raise ToolError(
            "it has no headers to make the target's from",
            where=python.path,
            hint="install its development package (python3-devel, python3-dev), or give [[target]] sdk",
        )
    headers = {str(path.relative_to(own.include)): path.read_bytes() for path in sorted(own.include.rglob("*.h"))}
    text = headers["pyconfig.h"].decode("utf-8")
    present = _present(pyconfig.headers(text), compiler, triple)
    headers["pyconfig.h"] = pyconfig.translated(
        text,
        platform,
        has_header=present.__contains__,
        functions=system_functions(compiler.library, platform),
    ).encode()
    return Sdk(headers=headers, variables={}, abiflags=abiflags, prefix=prefix)


def _present(names: frozenset[str], compiler: zig.Zig, triple: str) -> frozenset[str]:
    """Return which of the headers a platform has; one call of the compiler."""
    ordered = sorted(names)
    text = "".join(f"#if __has_include(<{name}>)\nHEADER {number}\n#endif\n" for number, name in enumerate(ordered))
    done = door.run([compiler.program, "cc", "-target", triple, "-E", "-x", "c", "-"], stdin=text, timeout=300)
    if done.returncode != 0:
        raise ToolError(f"Zig does not preprocess for {triple}: {done.errors.strip()[-300:]}")
    return frozenset(ordered[int(number)] for number in re.findall(r"(?m)^HEADER (\d+)$", done.output))
