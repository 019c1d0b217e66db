"""Lock and fetch of requirements/scientific.in against ``pip download`` in one run; and a run with nothing to do.

Needs the index that pip is configured for, and about 500 MB of disk. Takes a few minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "requirements" / "scientific.in"


def timed(command: list[str], folder: Path, **settings: str) -> tuple[float, str]:
    """Return the seconds that a command takes, and what it prints."""
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **settings}, check=True, capture_output=True, text=True
    )
    return time.monotonic() - started, done.stdout


def main() -> None:
    """Print a table of seconds and ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text(LIST.read_text())
        yard = [sys.executable, "-m", "wheelyard"]
        cache = {"WHEELYARD_CACHE": str(folder / "cache")}
        build = [*yard, "build", "requirements.in", "--no-prove", "--quiet"]
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
        pip += ["--only-binary", ":all:", "-r", "requirements.in"]
        rows = [("wheelyard, cold: lock, fetch and publish", timed(build, folder, **cache)[0])]
        cold, _ = timed([*pip, "--cache-dir", str(folder / "pip-cache"), "-d", "one"], folder)
        rows.append(("pip download, cold", cold))
        for made in (*folder.glob("pylock.*"), *folder.glob("requirements.*.txt")):
            made.unlink()
        rows.append(("wheelyard, warm: locked anew, nothing to fetch", timed(build, folder, **cache)[0]))
        warm, _ = timed([*pip, "--cache-dir", str(folder / "pip-cache"), "-d", "two"], folder)
        rows.append(("pip download, warm", warm))
        rows.append(("wheelyard, nothing to do", timed(build, folder, **cache)[0]))
        rows.append(("python -c pass", timed([sys.executable, "-c", "pass"], folder)[0]))
        wheels = {len(list((folder / each).glob("*.whl"))) for each in ("one", "two")}
        print(f"{len(list((folder / 'wheelhouse' / 'files').glob('*.whl')))} wheels; pip: {sorted(wheels)}")
        for what, seconds in rows:
            print(f"{what:50} {seconds:7.2f} s")
        print(f"{'ratio, cold':50} {rows[1][1] / rows[0][1]:7.2f} times faster than pip")
        print(f"{'ratio, warm':50} {rows[3][1] / rows[2][1]:7.2f} times faster than pip")


if __name__ == "__main__":
    main()
