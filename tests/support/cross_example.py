"""What the matrix of `examples/cross` needs besides the index: our own sdist, and libyaml for each platform.

    python -m tests.support.cross_example examples/cross

An admin does the same by hand for a library of their own: compile it for the target, once, with the same Zig.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support.greeting import greeting
from wheelyard.toolchain.zig.zig import find_zig, triple

PLATFORMS = (
    "macosx_11_0_arm64",
    "macosx_10_13_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux_2_17_aarch64",
    "musllinux_1_2_x86_64",
)
CARRIER = "ruamel.yaml.clib==0.2.12"
"""The sdist of the index that carries libyaml's sources."""
_PARTS = ("api", "dumper", "emitter", "loader", "parser", "reader", "scanner", "writer")


def libyaml_sources(folder: Path) -> Path:
    """Download and unpack what carries libyaml, and return the folder of its sources; pip runs none of its code."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    # pip asks the backend for metadata; without isolation it is the one that is here, and nothing more is fetched.
    command += ["--no-build-isolation", "--dest", str(folder), CARRIER]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return source


def libyaml(source: Path, platform: str, prefix: Path) -> Path:
    """Compile libyaml for a platform into ``prefix``: ``include/`` and ``lib/``."""
    (prefix / "lib").mkdir(parents=True)
    (prefix / "include").mkdir()
    shutil.copy(source / "yaml.h", prefix / "include")
    mac = platform.startswith("macosx")
    name = "libyaml.dylib" if mac else "libyaml.so"
    shape = ["-dynamiclib", "-install_name", f"@rpath/{name}"] if mac else ["-shared", "-fPIC", f"-Wl,-soname,{name}"]
    files = [f"{part}.c" for part in _PARTS]
    command = [str(find_zig().program), "cc", "-target", triple(platform), "-O2", "-s", "-DHAVE_CONFIG_H", "-I."]
    subprocess.run([*command, *shape, *files, "-o", prefix / "lib" / name], cwd=source, check=True)
    return prefix


def prepare(folder: Path, platforms: Iterable[str] = PLATFORMS) -> None:
    """Write the sdist to ``own/``, and libyaml to ``libraries/PLATFORM/`` where it is not there yet."""
    greeting(folder / "own")
    missing = [each for each in platforms if not (folder / "libraries" / each).exists()]
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source = libyaml_sources(Path(scratch))
        (folder / "libraries").mkdir(exist_ok=True)
        for platform in missing:
            libyaml(source, platform, Path(scratch, platform)).rename(folder / "libraries" / platform)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]).absolute())
