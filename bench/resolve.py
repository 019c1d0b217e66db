"""Four targets locked in one run, against ``uv pip compile`` four times, one after the other; cold and warm.

Needs the index that pip is configured for. Ours names files and hashes too; uv's runs only pin versions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from uv import find_uv_bin

from wheelyard.store.blobs import Store
from wheelyard.upstream.pip_config import configured

LIST = Path(__file__).parents[1] / "requirements" / "scientific.in"
TARGETS = {
    "el9": ("3.9", "x86_64-manylinux_2_34"),
    "el9-py311": ("3.11", "x86_64-manylinux_2_34"),
    "el10": ("3.12", "x86_64-manylinux_2_39"),
    "macos14-arm64": ("3.13", "aarch64-apple-darwin"),
}


def timed(command: list[str], folder: Path, **settings: str) -> float:
    """Return the seconds that a command takes."""
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env={**os.environ, **settings}, check=True, capture_output=True)
    return time.monotonic() - started


def ours(folder: Path) -> float:
    """Lock all targets; the cache is kept from one call to the next."""
    command = [sys.executable, "-m", "wheelyard", "lock", "--upgrade", "--quiet"]
    return timed(command, folder, WHEELYARD_CACHE=str(folder / "cache"))


def theirs(folder: Path) -> float:
    """Compile for each target in turn."""
    index = configured(Store(folder / "cache").area("pages")).indexes[0].url
    command = [find_uv_bin(), "pip", "compile", "requirements.in", "--no-config", "--default-index", index]
    command += ["--only-binary", ":all:", "--cache-dir", str(folder / "uv")]
    return sum(
        timed([*command, "--python-version", python, "--python-platform", platform], folder)
        for python, platform in TARGETS.values()
    )


def main() -> None:
    """Print a table of seconds and ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text(LIST.read_text())
        listed = ", ".join(f'"{target}"' for target in TARGETS)
        (folder / "wheelyard.toml").write_text(f'requirements = ["requirements.in"]\ntargets = [{listed}]\n')
        for state in ("cold", "warm"):
            wheelyard, uv = ours(folder), theirs(folder)
            print(f"{state}: wheelyard lock {wheelyard:6.2f} s, uv four times {uv:6.2f} s, ratio {uv / wheelyard:5.2f}")


if __name__ == "__main__":
    main()
