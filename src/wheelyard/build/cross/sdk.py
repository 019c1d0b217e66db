"""The target's Python for a cross build: headers and ``sysconfig`` of its version and platform."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wheelyard.build.cross import pyconfig, variables, zig
from wheelyard.build.cross.python import BuildPython, Development
from wheelyard.check.objects.systems import system_functions
from wheelyard.doors import files
from wheelyard.doors import run as door
from wheelyard.errors import ToolError
from wheelyard.targets.platforms import Platform

_MAX_FILE = 16 << 20
_HINT = (
    "a .tar.gz or .tar.xz with include/pythonX.Y and lib/pythonX.Y/_sysconfigdata_*.py, as relocatable CPythons have"
)


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
        headers, given = _unpacked(archive, python.python)
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


def _unpacked(archive: Path, python: str) -> tuple[dict[str, bytes], dict[str, object]]:
    """Read headers and variables out of the archive of a CPython; nothing of it is run or written."""
    headers: dict[str, bytes] = {}
    given: dict[str, object] = {}
    others: set[str] = set()
    try:
        with tarfile.open(archive) as stream:
            for member in stream:
                parts = PurePosixPath(member.name).parts
                if not member.isfile() or member.size > _MAX_FILE:
                    continue
                if "include" in parts and member.name.endswith(".h"):
                    below = parts[parts.index("include") + 1 :]
                    if len(below) < 2 or ".." in below:
                        continue
                    if below[0] == f"python{python}":
                        headers["/".join(below[1:])] = _content(stream, member)
                    elif below[0].startswith("python"):
                        others.add(below[0])
                elif parts[-2:-1] == (f"python{python}",) and parts[-1].startswith("_sysconfigdata_"):
                    given = variables.parse(_content(stream, member).decode("utf-8", "replace"), parts[-1])
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ToolError(f"the SDK cannot be read: {error}", where=str(archive), hint=_HINT) from error
    if "pyconfig.h" not in headers or not given:
        is_other = f"it is for {', '.join(sorted(others))}, not python{python}" if others and not headers else ""
        raise ToolError(
            is_other or f"it holds no headers or variables of python{python}", where=str(archive), hint=_HINT
        )
    return headers, given


def _content(stream: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    reader = stream.extractfile(member)
    return reader.read() if reader is not None else b""


def check_archive(archive: Path, sha256: str | None) -> str:
    """Return the SHA-256 of an SDK's archive.

    :raises ToolError: if it is not there, or not the one that was promised.
    """
    if not archive.is_file():
        raise ToolError("there is no such SDK", where=str(archive), hint=_HINT)
    found = files.sha256(archive)
    if sha256 is not None and found != sha256:
        raise ToolError(f"the SDK has SHA-256 {found}, not {sha256}", where=str(archive), hint="fetch it again")
    return found
