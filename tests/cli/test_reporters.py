"""What a run looks like: JSON lines, plain lines, a live view."""

import io
import json

import pytest
from rich.console import Console

from wheelyard.cli.reporters import JsonLines, LiveView, PlainLines, human_bytes
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
    report = PlainLines(Console(file=stream, width=80))
    for event in RUN:
        report(event)
    assert stream.getvalue().splitlines() == [
        "fetch: 2 to do",
        "fetch: a.whl: done (2.0 kB)",
        "fetch: [b].whl: failed (404)",
        "warning: careful [with] markup",
    ]


def test_the_live_view_draws_every_event_without_taking_names_for_markup() -> None:
    stream = io.StringIO()
    view = LiveView(Console(file=stream, width=100, force_terminal=True))
    with view.progress:
        for event in RUN:
            view(event)
    assert "[b].whl: failed (404)" in stream.getvalue()
    assert "careful [with] markup" in stream.getvalue()


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")])
def test_sizes_are_said_as_people_do(count: float, text: str) -> None:
    assert human_bytes(count) == text
