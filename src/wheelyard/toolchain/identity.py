"""What identifies this machine's compiler in a build key."""

from __future__ import annotations

import functools
import platform
import shutil

from wheelyard.io import process as door


@functools.cache
def local_toolchain() -> str:
    """Return what identifies this machine's compiler and C library: ``gcc 12.2.0, glibc 2.36, x86_64``."""
    library = " ".join(platform.libc_ver()).strip() or "unknown C library"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        said = "no compiler"
    else:
        done = door.run([compiler, "--version"], timeout=20)
        said = done.output.partition("\n")[0].strip() or "unknown compiler"
    return f"{said}, {library}, {platform.machine()}"
