"""Reporters: what a run looks like - a live view on a terminal, plain lines elsewhere, JSON lines when asked."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TextIO

from rich.console import Console

from wheelyard.cli.live import LiveView, clock
from wheelyard.cli.output import cleaning, console
from wheelyard.domain.events import (
    Event,
    JobFinished,
    Reporter,
    StageStarted,
    Told,
    Warned,
    silent,
)

_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def as_json(event: Event) -> str:
    """Return an event as one line of JSON: ``{"event": "job-started", …}``."""
    kind = _WORDS.sub("-", type(event).__name__).lower()
    return json.dumps({"event": kind, **asdict(event)}, ensure_ascii=False)


class JsonLines:
    """One event a line, for programs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write the event."""
        with self._lock:
            self._stream.write(as_json(event) + "\n")
            self._stream.flush()


class PlainLines:
    """A line when a job or stage with something to tell ends: for logs and pipes."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._began = now()

    def __call__(self, event: Event) -> None:
        """Write a line, with the time since the run began, if the event is worth one."""
        line = _plain(event)
        if line is not None:
            line = f"{clock(self._now() - self._began):>7}  {line}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _plain(event: Event) -> str | None:
    match event:
        case StageStarted(stage=stage, jobs=jobs) if jobs:
            return f"{stage}: {jobs} to do"
        case JobFinished(outcome="reused"):
            return None
        case JobFinished(stage="lock" | "build" | "prove" as stage, job=job, outcome="failed", target=target):
            return f"{stage}: {job}{f' [{target}]' if target else ''}: failed"  # the error says why, at the end
        case JobFinished(stage=stage, job=job, outcome=outcome, target=target, note=note):
            place = f" [{target}]" if target else ""
            return f"{stage}: {job}{place}: {outcome}" + (f" ({note})" if note else "")
        case Warned(message=message):
            return f"warning: {message}"
        case Told(message=message):
            return message
        case _:
            return None


@contextmanager
def reporter(*, quiet: bool, as_json_lines: bool) -> Iterator[Reporter]:
    """Yield the reporter that fits: nothing, JSON lines on standard output, a live view, or plain lines."""
    errors = console(stderr=True)
    if as_json_lines:
        yield cleaning(JsonLines(sys.stdout))
    elif quiet:
        yield silent
    elif errors.is_terminal:
        view = LiveView(errors)
        with view.live:
            yield cleaning(view)
    else:
        yield cleaning(PlainLines(errors))
