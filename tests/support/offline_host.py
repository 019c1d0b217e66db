"""``install.py``, run as on an offline host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.signed_wheelhouses import public


def install(
    python: str, house: Path, *options: str, home: Path, trust: bool = True
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    command = [python, "-W", "error::SyntaxWarning", str(house / "install.py"), *options]
    command += ["--trust", str(public())] if trust else []
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
