"""What a real environment has installed becomes a list; nothing in it is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.configurations import errors
from tests.support.packages import make_sdist, make_wheel
from wheelyard.cli.init import init
from wheelyard.config.installed import requirements_of
from wheelyard.config.load import load
from wheelyard.domain.errors import ConfigError, WheelyardError


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A virtual environment with two wheels installed by pip."""
    for name in ("Alpha_Beta", "gamma"):
        make_wheel(tmp_path / "files", name, "1.5")
    path = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    pip(path, "--find-links", str(tmp_path / "files"), "alpha-beta", "gamma")
    return path


def pip(prefix: Path, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(prefix), "install", "-q", "--no-index"]
    subprocess.run([*command, "--disable-pip-version-check", *words], check=True)


def test_an_environment_becomes_a_list(prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    next(prefix.glob("lib/python3*/site-packages")).joinpath("sitecustomize.py").write_text(
        "raise SystemExit('was run')\n"
    )
    monkeypatch.chdir(tmp_path)
    init(from_environment=prefix)
    frozen = ["alpha-beta==1.5", "gamma==1.5"]
    assert [requirement.text for requirement in load(tmp_path).requirements] == frozen
    with pytest.raises(ConfigError, match="is there already"):
        init(from_environment=prefix, output=Path("other.toml"))


def test_what_cannot_be_had_again_is_named(prefix: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "own", "own", "2.0")
    pip(prefix, str(wheel))
    with pytest.raises(WheelyardError) as caught:
        requirements_of(prefix)
    (error,) = errors(caught)
    assert error.where == "venv: own 2.0"
    assert error.message.startswith("was installed from a file or folder of that machine: file://")


def test_a_folder_without_a_python(tmp_path: Path) -> None:
    make_sdist(tmp_path, "x", "1", {})
    with pytest.raises(ConfigError, match="no Python has packages there"):
        requirements_of(tmp_path)
