"""What TAB offers: names of the configuration and of its locks, and nothing, silently, where that is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wheelyard.cli.main import load_commands
from wheelyard.lock import pylock

LOCK = """lock-version = "1.0"

[[packages]]
name = "numpy"
version = "2.3.5"

[[packages]]
name = "nibabel"
version = "5.0"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "wheelyard.toml").write_text('[[target]]\nname = "eleven"\n[[target]]\npreset = "el8"\n')
    (tmp_path / pylock.filename("eleven")).write_text(LOCK)
    (tmp_path / "wheelhouse" / "targets" / "el8.v3").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(line: str) -> list[str]:
    """Return what is offered at the end of a line."""
    words = line.split(" ")
    environment = {
        "_WHEELYARD_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = CliRunner().invoke(load_commands(), [], prog_name="wheelyard", env=environment)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout.split()


def test_targets_presets_folders_and_packages_are_offered(here: Path) -> None:
    assert tomllib.loads(LOCK)["packages"][0]["name"] == "numpy"
    assert offered("wheelyard build --target ele") == ["eleven"]
    assert offered("wheelyard lock -t el")[:2] == ["eleven", "el8"]
    assert "el9" in offered("wheelyard init --target el")
    assert "debian12" in offered("wheelyard mirror --target d")
    assert offered("wheelyard why --target ") == ["eleven", "el8"]
    assert offered("wheelyard pack --target ") == ["el8.v3"]
    assert offered("wheelyard lock --upgrade-package n") == ["nibabel", "numpy"]
    assert offered("wheelyard build -P nu") == ["numpy"]
    assert offered("wheelyard why ni") == ["nibabel"]
    other = here / "other"
    other.mkdir()
    (other / "w.toml").write_text('[[target]]\nname = "elsewhere"\n')
    assert offered("wheelyard build other/w.toml --target elsew") == ["elsewhere"]


@pytest.mark.parametrize("content", [b"[[target", b"target = 3\n", b"[[target]]\npython = 3\n", b"\xff\xfe", None])
def test_a_damaged_configuration_is_no_reason_to_disturb(content: bytes | None, here: Path) -> None:
    configuration = here / "wheelyard.toml"
    configuration.unlink()
    if content is not None:
        configuration.write_bytes(content)
    (here / pylock.filename("eleven")).write_bytes(b"\xff[[packages]]\nname = ")
    assert "el9" in offered("wheelyard build --target el9")
    assert offered("wheelyard why --target ") == []
    assert offered("wheelyard lock --upgrade-package ") == []


def test_a_shell_asks_the_program_itself_which_loads_nothing_heavy(here: Path) -> None:
    environment = {
        **os.environ,
        "_WHEELYARD_COMPLETE": "complete_bash",
        "COMP_WORDS": "wheelyard build --target ele",
        "COMP_CWORD": "3",
    }
    script = (
        "import sys, atexit; from wheelyard.cli.main import main\n"
        "heavy = {'httpx', 'wheelyard.config.load', 'jinja2', 'packaging.pylock', 'uv'}\n"
        "atexit.register(lambda: print(*heavy & sys.modules.keys(), file=sys.stderr, end=''))\n"
        "sys.exit(main([]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "eleven\n", "")


def test_every_name_that_is_typed_is_completed() -> None:
    commands = typer.main.get_command(load_commands()).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        for parameter in command.params:
            if {"--target", "--upgrade-package"} & set(parameter.opts):
                assert parameter._custom_shell_complete is not None, (name, parameter.name)
