from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.errors import Failures, WheelyardError


def write(folder: Path, **files: str) -> Path:
    """Write files (``__`` in a name is a dot, ``___`` a slash) and return the folder."""
    for name, text in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
    return folder


def requirements(folder: Path, text: str, **files: str) -> Config:
    write(folder, requirements__txt=text, **files)
    return load(folder / "requirements.txt")


def toml(folder: Path, text: str, **files: str) -> Config:
    write(folder, wheelyard__toml='requirements = "r.in"\n' + dedent(text), r__in="six\n", **files)
    return load(folder / "wheelyard.toml")


def errors(caught: pytest.ExceptionInfo[WheelyardError]) -> list[WheelyardError]:
    return list(caught.value.errors) if isinstance(caught.value, Failures) else [caught.value]
