"""Whatever happens, a person reads one line and no traceback; the traceback is in a log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BROKEN = """
import {module} as broken
def fail(*arguments, **options):
    raise {error}
broken.{name} = fail
"""
THREAD = """
import threading
import wheelyard.cli.main as main
def load():
    thread = threading.Thread(target=lambda: {}["gone"])
    thread.start()
    thread.join()
    return lambda **options: 0
main.load_commands = load
"""


def wheelyard(tmp_path: Path, change: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a change made to it before it starts."""
    program = tmp_path / "program.py"
    program.write_text(change + "\nfrom wheelyard.cli.main import script\nscript()\n")
    (tmp_path / "wheelyard.toml").write_text('requirements = ["demo.in"]\n')
    (tmp_path / "demo.in").write_text("demo\n")
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "WHEELYARD_CACHE": str(tmp_path / "cache")},
    )


@pytest.mark.parametrize(
    ("module", "name", "error", "arguments"),
    [
        ("wheelyard.stages.locking", "lock", "KeyError(195)", ["lock"]),
        ("wheelyard.config.load", "load", "RecursionError('too deep')", ["lock"]),
        ("wheelyard.cli.main", "load_commands", "ExceptionGroup('two', [ValueError(1)])", ["doctor"]),
    ],
)
def test_a_stage_that_fails_as_nobody_foresaw(
    tmp_path: Path, module: str, name: str, error: str, arguments: list[str]
) -> None:
    done = wheelyard(tmp_path, BROKEN.format(module=module, name=name, error=error), *arguments)
    assert done.returncode == 70, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    log = Path(line.rpartition("[log: ")[2].removesuffix("]"))
    assert log.parent == tmp_path / "cache" / "logs"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_no_secret_is_in_the_line_or_the_log_and_programs_are_told(tmp_path: Path) -> None:
    error = "RuntimeError('at https://me:s3cret@index.example/simple?token=s3cret \\x1b[2J')"
    change = BROKEN.format(module="wheelyard.cli.main", name="load_commands", error=error)
    done = wheelyard(tmp_path, change, "doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["class"], told["exit_code"]) == (70, "InternalError", 70)
    assert "s3cret" not in done.stdout + done.stderr
    assert "\x1b" not in told["message"]
    text = Path(told["log"]).read_text()
    assert "index.example/simple" in text
    assert "s3cret" not in text


def test_a_thread_that_dies_prints_no_traceback(tmp_path: Path) -> None:
    done = wheelyard(tmp_path, THREAD, "doctor")
    assert "Traceback" not in done.stderr
    assert "KeyError: 'gone'" in done.stderr
    assert "[log: " in done.stderr


def test_an_error_of_the_system_that_names_no_file_has_a_log(tmp_path: Path) -> None:
    fault = BROKEN.format(module="wheelyard.stages.locking", name="lock", error="OSError(24, 'Too many open files')")
    done = wheelyard(tmp_path, fault, "lock", "--json")
    told = json.loads(done.stderr.splitlines()[-1] if done.stderr else done.stdout.splitlines()[-1])
    assert (done.returncode, told["message"]) == (12, "Too many open files")
    assert "Traceback" in Path(told["log"]).read_text()
