"""What a run looks like: JSON lines, plain lines, a live view."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from wheelyard.cli.live import LiveView, last_line, shortened
from wheelyard.cli.output import human_bytes
from wheelyard.cli.reporters import JsonLines, PlainLines
from wheelyard.domain.events import Event, JobAdvanced, JobFinished, JobStarted, StageFinished, StageStarted, Warned

RUN: tuple[Event, ...] = (
    StageStarted(stage="fetch", jobs=2, bytes=3000),
    JobStarted(stage="fetch", job="a.whl", bytes=2000),
    JobAdvanced(stage="fetch", job="a.whl", bytes=2000),
    JobFinished(stage="fetch", job="a.whl", outcome="done", note="2.0 kB"),
    JobStarted(stage="fetch", job="[b].whl", bytes=1000),
    JobFinished(stage="fetch", job="[b].whl", outcome="failed", note="404"),
    Warned(message="careful [with] markup"),
    StageFinished(stage="fetch"),
)


def test_json_lines_are_one_event_each() -> None:
    stream = io.StringIO()
    report = JsonLines(stream)
    for event in RUN:
        report(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines][:3] == ["stage-started", "job-started", "job-advanced"]
    assert lines[3] == {
        "event": "job-finished",
        "stage": "fetch",
        "job": "a.whl",
        "outcome": "done",
        "target": None,
        "note": "2.0 kB",
    }


def test_plain_lines_say_what_ended_and_take_no_markup_from_names() -> None:
    stream = io.StringIO()
    ticks = iter(range(0, 6000, 61))
    report = PlainLines(Console(file=stream, width=80), now=lambda: next(ticks))
    for event in RUN:
        report(event)
    assert stream.getvalue().splitlines() == [
        "   1:01  fetch: 2 to do",
        "   2:02  fetch: a.whl: done (2.0 kB)",
        "   3:03  fetch: [b].whl: failed (404)",
        "   4:04  warning: careful [with] markup",
    ]


def test_the_live_view_draws_every_event_without_taking_names_for_markup() -> None:
    stream = io.StringIO()
    view = LiveView(Console(file=stream, width=100, force_terminal=True))
    with view.live:
        for event in RUN:
            view(event)
    assert "[b].whl: failed" in stream.getvalue()
    assert "careful [with] markup" in stream.getvalue()


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")])
def test_sizes_are_said_as_people_do(count: float, text: str) -> None:
    assert human_bytes(count) == text


LONG = "opentelemetry_instrumentation_starlette_middleware-0.61b0-cp312-cp312-manylinux_2_17_x86_64.whl"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (40, 10), (20, 4)])
def test_a_frame_fits_the_terminal(width: int, height: int, tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("cc -O2\n[7/91] Compiling C object \x1b[31m" + "x" * 300 + "\n")
    seconds = [0.0]
    view = LiveView(Console(file=io.StringIO()), now=lambda: seconds[0])
    assert view.frame(width, height)[0][0].split()[1:] == ["starting", "0:00"]
    view(StageStarted(stage="lock", jobs=2))
    view(StageFinished(stage="lock"))
    view(StageStarted(stage="fetch", jobs=60, bytes=100_000_000))
    view(JobStarted(stage="fetch", job=LONG, bytes=34_000_000))
    view(JobAdvanced(stage="fetch", job=LONG, bytes=25_000_000))
    view(StageStarted(stage="build", jobs=9))
    for number in range(9):
        view(JobStarted(stage="build", job=f"numpy 2.3.{number}", target="el9", log=str(log)))
        view(JobAdvanced(stage="build", job=f"numpy 2.3.{number}", target="el9", note="compiling"))
    seconds[0] = 30.0
    lines = [line for line, _ in view.frame(width, height)]
    assert len(lines) <= height - 1
    assert max(map(len, lines)) <= width
    assert not any("?" in line or "\x1b" in line for line in lines)
    if width >= 80:
        (fetch,) = [line for line in lines if " fetch " in line]
        assert fetch.split(maxsplit=1)[1].startswith("fetch   ━━━━━─────────────── ")
        assert "0 of 60" in fetch
        assert "25.0 MB of 100.0 MB" in fetch
        (wheel,) = [line for line in lines if "opentelemetry" in line]
        assert ("…" in wheel) is (width == 80)
        assert "86_64.whl" in wheel
        assert wheel.endswith("25.0 MB of 34.0 MB  0:30")
        assert any(line.split() == ["numpy", "2.3.0", "[el9]", "compiling", "0:30"] for line in lines)
        assert ("1:30 left" in fetch) is (width > 80)
    assert any("[7/91] Compiling C object" in line for line in lines) is (height == 40 or height == 24)


def test_names_lose_their_middle() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcdefghij", 1) == "a"


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    assert last_line(str(tmp_path / "none")) == ""
    (tmp_path / "log").write_bytes(b"first\nlast  \x1b[31mred\n\n")
    assert last_line(str(tmp_path / "log")).startswith("last ")
