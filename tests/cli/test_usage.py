"""A command line that is wrong ends in one line that says what is, never in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def wheelyard(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelyard", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "said", "see"),
    [
        (["nosuch"], "nosuch", "wheelyard --help"),
        (["build", "--nosuch"], "--nosuch", "wheelyard build --help"),
        (["build", "--jobs", "many"], "--jobs", "wheelyard build --help"),
        (["import"], "BUNDLE", "wheelyard import --help"),
        (["import", "x.tar"], "--into", "wheelyard import --help"),
    ],
)
def test_it_is_said_in_one_line(arguments: list[str], said: str, see: str) -> None:
    done = wheelyard(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert line.endswith(f"(see `{see}`)")


def test_programs_are_told_as_well() -> None:
    done = wheelyard("import", "x.tar", "--json")
    error = json.loads(done.stdout)
    assert (done.returncode, error["class"], error["exit_code"]) == (2, "UsageError", 2)


def test_nothing_at_all_shows_the_help() -> None:
    done = wheelyard()
    assert (done.returncode, "Usage: wheelyard" in done.stdout) == (0, True)
