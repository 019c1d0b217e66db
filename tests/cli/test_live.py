"""The live view of a real run in a real terminal: two packages are compiled, and every line fits."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.yard import Yard


@pytest.fixture
def stocked(yard: Yard) -> Yard:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    name = "a_name_that_is_longer_than_what_a_line_of_eighty_columns_has_room_for"
    make_wheel(yard.shop, name, "1.0", files={"many.py": "x = 1\n" * 5000})
    for each in ("fast", "faster"):
        sdist(yard.shop, each, **{f"{each}__c": extension(each)})
    yard.write(f"fast\nfaster\n{name}\n")
    return yard


def in_a_terminal(yard: Yard, columns: int, lines: int) -> tuple[int, str]:
    """Run a build in a terminal of this size, and return its exit code and everything that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {**yard.environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "CI"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "wheelyard", "build"]
    with subprocess.Popen(
        command, cwd=yard.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 1 << 16):
                written += block
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return process.returncode, written.decode()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 40)])
def test_every_line_fits(columns: int, lines: int, stocked: Yard) -> None:
    code, written = in_a_terminal(stocked, columns, lines)
    assert code == 0, written
    drawn = written.partition("On the host")[0]
    seen = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn))
    frames = [line for line in seen if re.match(r"\S (starting|lock|fetch|build|prove|index)\b", line)]
    assert max(map(len, frames)) <= columns
    for stage in ("lock", "fetch", "build", "prove", "index"):
        assert any(line.startswith(f"✓ {stage}") for line in frames), stage
    assert any(re.match(r"✓ build +2 of 2 ", line) for line in frames)
    assert not any("?" in line for line in frames)
