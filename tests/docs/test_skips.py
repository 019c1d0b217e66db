"""A test that skips cannot hide in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import ALLOWED, Allowed, not_allowed

ROOT = Path(__file__).parents[2]
TEST = """
import pytest

def test_it():
    pytest.skip({reason!r})
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "with a worker"])
@pytest.mark.parametrize(
    ("reason", "ci", "code"), [("just so", "true", 1), ("just so", "", 0), ("there is no Python 3.6 here", "true", 0)]
)
def test_a_skip_fails_the_run_in_ci_only(
    reason: str, ci: str, code: int, workers: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    shutil.copytree(ROOT / "tests" / "support", folder / "support")
    for name in ("__init__.py", "conftest.py", "allowed-skips.txt"):
        (folder / name).write_bytes((ROOT / "tests" / name).read_bytes())
    (folder / "test_one.py").write_text(TEST.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-q", *workers, "tests"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("does not let it: tests/test_one.py::test_it" in done.stdout) == bool(code)


def test_patterns_are_of_the_test_and_of_the_reason() -> None:
    rows = [Allowed("tests/a/*", "no [x] here")]
    assert not_allowed([("tests/a/t.py::t[1]", "Skipped: no [x] here")], rows) == []
    assert len(not_allowed([("tests/a/t.py::t", "other"), ("tests/b/t.py::t", "no [x] here")], rows)) == 2


def test_the_list_is_read_whole() -> None:
    assert all(row.test.startswith("tests/") and row.reason for row in Allowed.read(ALLOWED))
