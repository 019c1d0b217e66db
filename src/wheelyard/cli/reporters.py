"""Reporters: what a run looks like - a live view on a terminal, plain lines elsewhere, JSON lines when asked."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wheelyard.cli.output import cleaning, console
from wheelyard.domain.events import (
    Event,
    JobAdvanced,
    JobFinished,
    JobStarted,
    Reporter,
    StageFinished,
    StageStarted,
    Warned,
    silent,
)

_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def human_bytes(count: float) -> str:
    """Return a size as people read it: ``3.2 MB`` (powers of ten, as disks are sold)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


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

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Write a line if the event is worth one."""
        line = _plain(event)
        if line is not None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _plain(event: Event) -> str | None:
    match event:
        case StageStarted(stage=stage, jobs=jobs) if jobs:
            return f"{stage}: {jobs} to do"
        case JobFinished(outcome="reused"):
            return None
        case JobFinished(stage=stage, job=job, outcome=outcome, target=target, note=note):
            place = f" [{target}]" if target else ""
            return f"{stage}: {job}{place}: {outcome}" + (f" ({note})" if note else "")
        case Warned(message=message):
            return f"warning: {message}"
        case _:
            return None


@dataclass
class _StageLine:
    task: TaskID
    moved: int = 0
    bytes: int = 0
    jobs: dict[tuple[str, str | None], TaskID] = field(default_factory=dict)


class LiveView:
    """A line per stage with counts, bytes and time left, and below it a line per running job."""

    def __init__(self, console: Console) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, _StageLine] = {}
        self.progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )

    def __call__(self, event: Event) -> None:
        """Draw what the event changes."""
        with self._lock:
            match event:
                case StageStarted():
                    self._start_stage(event)
                case JobStarted():
                    self._start_job(event)
                case JobAdvanced():
                    self._advance(event)
                case JobFinished():
                    self._finish_job(event)
                case StageFinished():
                    self._finish_stage(event)
                case Warned():
                    self.progress.console.print(
                        f"warning: {event.message}", style="yellow", markup=False, highlight=False
                    )

    def _start_stage(self, event: StageStarted) -> None:
        if known := self._stages.get(event.stage):
            total = (self.progress.tasks[self.progress.task_ids.index(known.task)].total or 0) + event.jobs
            self.progress.update(known.task, total=total)
            known.bytes += event.bytes
            return
        task = self.progress.add_task(event.stage, total=event.jobs or None, note="")
        self._stages[event.stage] = _StageLine(task=task, bytes=event.bytes)

    def _start_job(self, event: JobStarted) -> None:
        stage = self._stages.get(event.stage)
        if stage is None:
            return
        name = f"  {event.job}" + (f" [{event.target}]" if event.target else "")
        stage.jobs[event.job, event.target] = self.progress.add_task(name, total=event.bytes or None, note="")

    def _advance(self, event: JobAdvanced) -> None:
        stage = self._stages.get(event.stage)
        if stage is None:
            return
        stage.moved += event.bytes
        if event.bytes:
            total = f" of {human_bytes(stage.bytes)}" if stage.bytes else ""
            self.progress.update(stage.task, note=human_bytes(stage.moved) + total)
        job = stage.jobs.get((event.job, event.target))
        if job is not None:
            self.progress.update(job, advance=event.bytes)
            if event.note:
                self.progress.update(job, note=event.note[:60])

    def _finish_job(self, event: JobFinished) -> None:
        stage = self._stages.get(event.stage)
        if stage is None:
            return
        job = stage.jobs.pop((event.job, event.target), None)
        if job is not None:
            self.progress.remove_task(job)
        self.progress.update(stage.task, advance=1)
        if event.outcome == "failed":
            self.progress.console.print(_plain(event) or "", style="red", markup=False, highlight=False)

    def _finish_stage(self, event: StageFinished) -> None:
        if stage := self._stages.get(event.stage):
            self.progress.stop_task(stage.task)


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
        with view.progress:
            yield cleaning(view)
    else:
        yield cleaning(PlainLines(errors))
