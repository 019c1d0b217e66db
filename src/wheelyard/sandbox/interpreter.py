"""What an interpreter of this machine needs to be seen by a sandbox."""

from __future__ import annotations

import os
from pathlib import Path


def interpreter_folders(python: Path) -> tuple[Path, ...]:
    """Return the folders that an interpreter of this machine needs to be seen, beyond the system's.

    A virtual environment needs the one it was made from too. An interpreter that lies in a folder of other things
    (``~/bin/python3``) is returned alone: its folder is nobody's business.
    """
    folders: list[Path] = []
    venv = python.parent.parent
    settings = venv / "pyvenv.cfg"
    if settings.is_file():
        folders.append(venv)
    real = Path(os.path.realpath(python))
    prefix = real.parent.parent
    is_prefix = prefix != Path.home() and any((prefix / "lib").glob("python*")) if prefix != Path("/") else False
    folders.append(prefix if is_prefix else real)
    return tuple(path for path in dict.fromkeys(folders) if path.exists() and not path.is_relative_to("/usr"))
