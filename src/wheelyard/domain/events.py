"""What a long run tells about itself: plain values handed to a reporter, which does nothing by default.

The core never prints. The command line hands in a reporter that draws a live view or writes JSON lines.
Reporters are called from several threads and must be safe for that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["lock", "fetch", "build", "repair", "prove", "index", "pack", "import", "mirror"]
Outcome: TypeAlias = Literal["done", "reused", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """A stage begins; ``jobs`` is how many jobs it has, ``bytes`` how many it will move (0 = not known)."""

    stage: Stage
    jobs: int = 0
    bytes: int = 0
    seconds: float = 0
    """About how long it will take, where all its jobs were done before; 0: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """A job (one file, one build, one proof) begins; ``bytes`` is its size if it has one."""

    stage: Stage
    job: str
    target: str | None = None
    bytes: int = 0
    log: str = ""
    """Path of the log that it writes, if it writes one."""
    seconds: float = 0
    """How long the same took the last time; 0: it was never done with this store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAdvanced:
    """A job moved ``bytes`` more bytes, or has something to say in ``note``."""

    stage: Stage
    job: str
    target: str | None = None
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """A job ended; ``note`` says how in a few words."""

    stage: Stage
    job: str
    outcome: Outcome
    target: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished:
    """A stage ended."""

    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a person should know, but that stops nothing."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that a person who waits should know; nothing is wrong."""

    message: str


Event: TypeAlias = StageStarted | JobStarted | JobAdvanced | JobFinished | StageFinished | Warned | Told
Reporter: TypeAlias = Callable[[Event], None]


def silent(event: Event) -> None:
    """Report nothing."""


def once(report: Reporter) -> Reporter:
    """Return a reporter that tells a warning once, however many targets, variants or stages it is true for."""
    told: set[str] = set()
    guard = threading.Lock()

    def tell(event: Event) -> None:
        if isinstance(event, Warned):
            with guard:
                if event.message in told:
                    return
                told.add(event.message)
        report(event)

    return tell
