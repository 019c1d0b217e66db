"""Help is for people: grouped, whole at 80 columns, with examples, no types of Python; its pages are the program's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.yard import TARGET, Yard
from wheelyard.cli import help as plain
from wheelyard.cli import reference
from wheelyard.cli.main import load_commands
from wheelyard.cli.output import counted

DOCS = Path(__file__).parents[2] / "docs"
NAMES = [name for names in plain.GROUPS.values() for name in names]


def said(*arguments: str) -> str:
    command = [sys.executable, "-m", "wheelyard", *arguments, "--help"]
    env = {"COLUMNS": "80", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def test_every_command_is_in_one_group_with_its_whole_summary() -> None:
    text = said()
    assert [each.rstrip(":") for each in re.findall(r"^\S.*:$", text, re.MULTILINE)] == [*plain.GROUPS, "Options"]
    assert sorted(NAMES) == sorted(
        command.name or command.callback.__name__ for command in load_commands().registered_commands if command.callback
    )
    assert "..." not in text.partition("Make a wheelhouse")[2]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_a_commands_help(name: str) -> None:
    text = said(name)
    assert not re.search(r"<\w+>|list\[|int range|x>=", text)
    assert max(map(len, text.splitlines())) <= 80
    example = text.partition("Example:\n")[2].strip()
    assert shlex.split(example)[:2] == ["wheelyard", name]
    for option in re.findall(r" (-{1,2}[a-z][a-z-]*)", example):
        assert re.search(rf"^  .*{option}\b", text.partition("Options:")[2], re.MULTILINE), option


def test_the_reference_and_the_manual_are_the_programs() -> None:
    assert (DOCS / "commands.md").read_text() == reference.markdown(), "make them again: `make keys`"
    written = {path.name: path.read_text() for path in (DOCS / "man").iterdir()}
    assert written == reference.man_pages(), "make them again: `make keys`"


def test_the_manual_can_be_read(tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("there is no man here")
    for name in ("wheelyard.1", "wheelyard-pack.1"):
        command = ["man", "--warnings", "-l", str(DOCS / "man" / name)]
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "80", "HOME": str(tmp_path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "NAME" in done.stdout


def test_counts_are_said_as_one_says_them() -> None:
    assert [counted(1, "package"), counted(0, "package"), counted(2, "library")] == [
        "1 package",
        "0 packages",
        "2 libraries",
    ]


def test_init_names_the_file_in_its_next_step(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("six\n")
    command = [sys.executable, "-m", "wheelyard", "init", "-o", "other one.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "next: wheelyard build 'other one.toml'"


def test_lock_takes_only_the_targets_that_are_named(yard: Yard) -> None:
    make_wheel(yard.shop, "lib", "1.0")
    yard.write("lib\n")
    done = yard.run("lock", "--target", "el9")
    assert done.code == 0, done.err
    assert done.out == "el9: 1 package (pylock.el9.toml, requirements.el9.txt)\n"
    assert not (yard.root / f"pylock.{TARGET}.toml").exists()
