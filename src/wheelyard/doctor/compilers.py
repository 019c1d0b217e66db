"""What compiles: C, C++, Fortran, zig, and the BLAS libraries to compile against."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.doctor.attempt import TIMEOUT, attempt, first_line, said
from wheelyard.doctor.model import Family, Finding, Status, by_family
from wheelyard.domain.errors import ToolError
from wheelyard.io.process import run

_HELLO = "#include <stdio.h>\nint main(void) { return 0; }\n"
_HELLO_FORTRAN = "program hello\nend program\n"
_LIBRARY_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/lib", "/opt/intel")


def _compiler(
    name: str, programs: Sequence[str], language: str, source: str, packages: Mapping[Family, tuple[str, ...]]
) -> Finding:
    """Try a compiler on a few lines, so that missing headers are noticed as well."""
    purpose = f"compiles {name.removesuffix(' compiler')} in sdists, outside of containers"
    detail = f"no {' or '.join(programs)}"
    status: Status = "missing"
    for program in programs:
        ended = attempt(program, "-x", language, "-fsyntax-only", "-", stdin=source)
        if ended is None:
            continue
        if ended.returncode == 0:
            version = attempt(program, "--version")
            return Finding(name=name, status="ok", purpose=purpose, detail=first_line(version) if version else program)
        status, detail = "partial", f"{program} compiles nothing: {said(ended)}"
    return Finding(name=name, status=status, purpose=purpose, detail=detail, packages=packages)


def c() -> Finding:
    """Try the C compiler, with the C library's headers."""
    packages = by_family("gcc libc6-dev", "gcc", "gcc")
    return _compiler("C compiler", ("cc", "gcc", "clang"), "c", _HELLO, packages)


def cpp() -> Finding:
    """Try the C++ compiler, with its library's headers."""
    packages = by_family("g++", "gcc-c++", "gcc-c++")
    return _compiler("C++ compiler", ("c++", "g++", "clang++"), "c++", _HELLO.replace("stdio.h", "vector"), packages)


def fortran() -> Finding:
    """Try the Fortran compiler."""
    packages = by_family("gfortran", "gcc-gfortran", "gcc-gfortran")
    return _compiler("Fortran compiler", ("gfortran",), "f95", _HELLO_FORTRAN, packages)


def zig() -> Finding:
    """Try zig, of PATH or of the ziglang wheel."""
    purpose = 'cross compilation: older glibc, other CPUs, macOS (toolchain = "zig")'
    program = shutil.which("zig")
    found = importlib.util.find_spec("ziglang")
    if program is None and found is not None and found.origin is not None:
        program = str(Path(found.origin).parent / "zig")
    if program is not None:
        try:
            ended = run([program, "version"], timeout=TIMEOUT)
            if ended.returncode == 0:
                return Finding(name="zig", status="ok", purpose=purpose, detail=f"zig {first_line(ended)}")
            detail = said(ended)
        except ToolError as error:
            detail = str(error)
        advice = "install it anew: pip install --force-reinstall ziglang"
        return Finding(name="zig", status="partial", purpose=purpose, detail=detail, advice=advice)
    return Finding(
        name="zig", status="missing", purpose=purpose, detail="no zig", advice="for your user: pip install ziglang"
    )


def blas() -> Finding:
    """Look for BLAS libraries to link with."""
    purpose = "variants with another BLAS, built outside of containers"
    names = {"OpenBLAS": "openblas", "BLIS": "blis", "Netlib": "blas", "MKL": "mkl_rt"}
    found = [name for name, library in names.items() if _has_library(library)]
    absent = [name for name in names if name not in found]
    of = {
        "OpenBLAS": ("libopenblas-dev", "openblas-devel", "openblas-devel"),
        "BLIS": ("libblis-dev", "blis-devel", "blis-devel"),
        "Netlib": ("libblas-dev liblapack-dev", "blas-devel lapack-devel", "blas-devel lapack-devel"),
    }
    wanted = [of[name] for name in absent if name in of]
    return Finding(
        name="BLAS libraries",
        status="ok" if not wanted else "partial" if found else "missing",
        purpose=purpose,
        detail=(", ".join(found) or "none") + (f"; not here: {', '.join(absent)}" if absent else ""),
        packages=by_family(*(" ".join(each[column] for each in wanted) for column in range(3))) if wanted else {},
        advice="OpenBLAS and MKL also come as wheels (scipy-openblas64, mkl-devel); on RHEL the repositories CRB and "
        "EPEL have the others"
        if wanted
        else "",
    )


def _has_library(name: str) -> bool:
    """Whether the linker would find ``lib<name>``: the file for development, not only the one to run with."""
    patterns = (f"lib{name}.so", f"lib{name}.a", f"*/lib{name}.so", f"*/lib{name}.a", f"*/*/lib{name}.so")
    return any(next(Path(folder).glob(pattern), None) for folder in _LIBRARY_FOLDERS for pattern in patterns)
