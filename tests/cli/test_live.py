"""The live view of a real run in a real terminal: two packages are compiled, and every line fits."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Sequence

import pytest
from rich.console import Console

from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.terminal import in_a_terminal
from tests.support.yard import Yard
from wheelyard.cli.live import LiveView
from wheelyard.domain.events import JobStarted, StageStarted

ASKED = """
def prepare_metadata_for_build_wheel(folder, *rest):
    info = "%s-%s.dist-info" % (NAME, VERSION)
    os.mkdir(os.path.join(folder, info))
    with open(os.path.join(folder, info, "METADATA"), "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n" % (NAME, VERSION))
    return info
"""
"""What a backend answers while a lock is made, without building."""

WAITING = """
made = build_wheel
def build_wheel(*rest, **more):
    print("cc -O2 -c something.c", flush=True)
    until = time.monotonic() + 300
    while not os.path.exists({seen!r}) and time.monotonic() < until:
        time.sleep(0.05)
    return made(*rest, **more)
"""
"""A build that goes on once somebody has seen it."""


@pytest.fixture
def stocked(yard: Yard) -> Yard:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    name = "a_name_that_is_longer_than_what_a_line_of_eighty_columns_has_room_for"
    make_wheel(yard.shop, name, "1.0", files={"many.py": "x = 1\n" * 5000})
    for each in ("fast", "faster"):
        more = ASKED + WAITING.format(seen=str(yard.root / "seen"))
        sdist(yard.shop, each, more=more, **{f"{each}__c": extension(each)})
    yard.write(f"fast\nfaster\n{name}\n", build='sandbox = "none"\njobs = 2')
    return yard


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 40)])
def test_every_line_of_every_frame_fits(columns: int, lines: int, stocked: Yard) -> None:
    def let_go(frame: Sequence[str]) -> bytes:
        if sum("cc -O2 -c something.c" in line for line in frame) == 2:
            (stocked.root / "seen").touch()
        return b""

    shown = in_a_terminal(["build"], stocked.root, stocked.environment, columns, lines, watch=let_go)
    assert shown.code == 0, shown.written
    frames = [frame for frame in shown.frames if not any("On the host" in line for line in frame)]
    assert frames
    assert not any("?" in line for frame in frames for line in frame)
    drawn = [
        line for frame in frames for line in frame if re.match(r"\S (starting|lock|fetch|build|prove|index)\b", line)
    ]
    for stage in ("lock", "fetch", "build", "prove", "index"):
        assert any(line.startswith(f"✓ {stage}") for line in drawn), stage
    assert any(re.match(r"✓ build +2 of 2 ", line) for line in drawn)
    both = next(frame for frame in frames if sum("cc -O2 -c something.c" in line for line in frame) == 2)
    # Nothing is wrapped: the stages, then each job with its phase and how long it runs, and what its log says last.
    first = next(number for number, line in enumerate(both) if line.startswith("✓ lock"))  # below the warnings
    view = [line for line in both[first:] if line]
    assert [line.split()[1] for line in view[:3]] == ["lock", "fetch", "build"], both
    jobs = [line for line in both if "compiling" in line]
    assert sorted(line.split()[0] for line in jobs) == ["fast", "faster"]
    assert all(re.search(r"  compiling  \d+:\d\d$", line) for line in jobs), jobs
    assert len(view) == 3 + 2 * len(jobs), both


SLOW = """
def build_wheel(*rest, **more):
    until = time.monotonic() + 300
    while time.monotonic() < until:
        print("still at it", flush=True)
        time.sleep(0.1)
"""


def test_ctrl_c_leaves_one_sentence_and_no_failure(yard: Yard) -> None:
    sdist(yard.shop, "endless", more=ASKED + SLOW)
    yard.write("endless\n")

    typed: list[Sequence[str]] = []

    def interrupt(frame: Sequence[str]) -> bytes:
        if typed or not any("still at it" in line for line in frame):
            return b""
        typed.append(frame)
        return b"\x03"

    shown = in_a_terminal(["build"], yard.root, yard.environment, 80, 24, watch=interrupt)
    assert shown.code == 130
    assert [line for line in shown.frames[-1] if line] == ["error: interrupted; run the same command again to go on"], (
        shown.frames[-1]
    )


def test_what_took_its_time_before_is_estimated() -> None:
    moment = [0.0]
    view = LiveView(Console(file=io.StringIO()), now=lambda: moment[0])
    view(StageStarted(stage="build", jobs=2, seconds=100))
    view(JobStarted(stage="build", job="numpy 2.3.5", target="el9", seconds=90))
    moment[0] = 40.0
    stage, job = (line for line, _ in view.frame(80, 24))
    assert stage.endswith("about 1:00 left")
    assert job.endswith("0:40 of about 1:30")
    moment[0] = 120.0  # slower than the last time: no more is promised
    assert "left" not in view.frame(80, 24)[0][0]
