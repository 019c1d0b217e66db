"""The live view of a run on a terminal: a line a stage, and two for each running job, whatever the terminal's size."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from wheelyard.cli.output import human_bytes
from wheelyard.domain.events import (
    Event,
    JobAdvanced,
    JobFinished,
    JobStarted,
    StageFinished,
    StageStarted,
    Told,
    Warned,
)
from wheelyard.host.plain import plain_text

_TURNING = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 20
_TAIL = 2048
"""Bytes at the end of a log in which its last line is looked for."""
_DIM, _PLAIN = Style(dim=True), Style()


def clock(seconds: float) -> str:
    """Return a duration as ``1:02`` or ``1:00:02``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many columns; what is too long loses its middle, as both ends of a name tell more."""
    if len(text) <= width:
        return text
    if width <= 1:
        return text[:width]
    front = (width - 1) // 2
    return f"{text[:front]}…{text[len(text) - (width - 1 - front) :]}"


def last_line(log: str) -> str:
    """Return the last line that a log has so far; empty if it has none."""
    try:
        with Path(log).open("rb") as stream:
            stream.seek(max(os.fstat(stream.fileno()).st_size - _TAIL, 0))
            said = plain_text(stream.read().decode("utf-8", "replace")).strip()
    except OSError:
        return ""
    return " ".join(said.rpartition("\n")[2].split())


@dataclass
class _Job:
    name: str
    began: float
    bytes: int
    log: str
    seconds: float = 0
    moved: int = 0
    phase: str = ""


@dataclass
class _StageState:
    name: str
    began: float
    jobs: int
    bytes: int
    seconds: float
    finished: int = 0
    moved: int = 0
    ended: float | None = None
    running: dict[tuple[str, str | None], _Job] = field(default_factory=dict)


class LiveView:
    """A reporter that draws what runs. It is safe to call from many threads."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._began = now()
        self._stages: dict[str, _StageState] = {}
        self.live = Live(self, console=console, refresh_per_second=5, transient=True)

    def __call__(self, event: Event) -> None:
        """Take the event into what is drawn next."""
        with self._lock:
            match event:
                case StageStarted():
                    self._start_stage(event)
                case JobStarted(stage=stage) if stage in self._stages:
                    name = event.job + (f" [{event.target}]" if event.target else "")
                    job = _Job(name=name, began=self._now(), bytes=event.bytes, log=event.log, seconds=event.seconds)
                    self._stages[stage].running[event.job, event.target] = job
                case JobAdvanced(stage=stage) if stage in self._stages:
                    self._advance(self._stages[stage], event)
                case JobFinished(stage=stage) if stage in self._stages:
                    self._stages[stage].finished += 1
                    self._stages[stage].running.pop((event.job, event.target), None)
                case StageFinished(stage=stage) if stage in self._stages:
                    self._stages[stage].ended = self._now()
        if isinstance(event, JobFinished) and event.outcome == "failed":
            self._print(f"{event.stage}: {event.job}{f' [{event.target}]' if event.target else ''}: failed", "red")
        elif isinstance(event, Warned):
            self._print(f"warning: {event.message}", "yellow")
        elif isinstance(event, Told):
            self._print(event.message, "")

    def _print(self, text: str, style: str) -> None:
        self.live.console.print(text, style=style, markup=False, highlight=False)

    def _start_stage(self, event: StageStarted) -> None:
        stage = self._stages.get(event.stage)
        if stage is None:
            self._stages[event.stage] = _StageState(event.stage, self._now(), event.jobs, event.bytes, event.seconds)
            return
        stage.seconds = 0  # of both parts together nobody knows
        stage.jobs, stage.bytes, stage.ended = stage.jobs + event.jobs, stage.bytes + event.bytes, None

    @staticmethod
    def _advance(stage: _StageState, event: JobAdvanced) -> None:
        stage.moved += event.bytes
        job = stage.running.get((event.job, event.target))
        if job is not None:
            job.moved += event.bytes
            job.phase = event.note or job.phase

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Draw a frame."""
        for line, style in self.frame(options.max_width, console.height):
            yield Segment(line, style)
            yield Segment.line()

    def frame(self, width: int, height: int) -> list[tuple[str, Style]]:
        """Return the lines of a frame for a terminal of this size, none longer, and one fewer than its height."""
        with self._lock:
            now = self._now()
            if not self._stages:
                return [(shortened(f"{self._turning(now)} starting  {clock(now - self._began)}", width), _PLAIN)]
            stages = [(self._stage_line(stage, width, now), _PLAIN) for stage in self._stages.values()]
            jobs = [job for stage in self._stages.values() for job in stage.running.values()]
            room = max(height - 1 - len(stages), 0)
            # Where not every job has room for what it says, names come first.
            talkative = 2 * len(jobs) <= room
            drawn = jobs if talkative or len(jobs) <= room else jobs[: max(room - 1, 0)]
            lines = stages[-max(height - 1, 1) :]
            for job in drawn:
                lines.append((self._job_line(job, width, now), _PLAIN))
                said = last_line(job.log) if talkative and job.log else ""
                if said:
                    lines.append((f"      {shortened(said, width - 6)}", _DIM))
            if len(drawn) < len(jobs) and room:
                lines.append((f"    and {len(jobs) - len(drawn)} more", _DIM))
            return lines

    def _turning(self, now: float) -> str:
        return _TURNING[int(now * 5) % len(_TURNING)]

    def _stage_line(self, stage: _StageState, width: int, now: float) -> str:
        """Return ``⠋ fetch  ━━━━────  12 of 60  0:12  34.2 MB of 100.5 MB  0:40 left``, without what has no room."""
        mark = "✓" if stage.ended is not None else self._turning(now)
        elapsed = (stage.ended or now) - stage.began
        count = f"{stage.finished} of {stage.jobs}" if stage.jobs else f"{stage.finished} done"
        share = min(stage.moved / stage.bytes if stage.bytes else stage.finished / max(stage.jobs, 1), 1.0)
        parts = [f"{mark} {stage.name:<6}", f"{count:>9}", f"{clock(elapsed):>7}"]
        if stage.ended is None and (stage.jobs or stage.bytes):
            done = round(share * _BAR)
            parts.insert(1, "━" * done + "─" * (_BAR - done))
        if stage.moved:
            parts.append(human_bytes(stage.moved) + (f" of {human_bytes(stage.bytes)}" if stage.bytes else ""))
        if stage.ended is None and stage.bytes and stage.moved and elapsed > 2 and share < 1:
            parts.append(f"{clock(elapsed / share - elapsed)} left")
        elif stage.ended is None and stage.seconds > elapsed:
            parts.append(f"about {clock(stage.seconds - elapsed)} left")
        while len(parts) > 3 and len("  ".join(parts)) > width:
            parts.pop()
        return shortened("  ".join(parts), width)

    def _job_line(self, job: _Job, width: int, now: float) -> str:
        """Return ``    numpy 2.3.5 [el9]   compiling   0:41``, the name as long as there is room."""
        size = human_bytes(job.moved) + (f" of {human_bytes(job.bytes)}" if job.bytes else "") if job.moved else ""
        took = f" of about {clock(job.seconds)}" if job.seconds >= 1 else ""
        facts = "  ".join(filter(None, [job.phase, size, clock(now - job.began) + took]))
        room = max(width - 4 - 2 - len(facts), 8)
        return shortened(f"    {shortened(job.name, room):<{min(room, 40)}}  {facts}", width)
