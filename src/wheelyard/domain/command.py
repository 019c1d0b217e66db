"""A command: what is run and what it may see and use; what it said and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one command may use."""

    seconds: float = 3600.0
    memory: int = 8 << 30
    """Bytes of address space or of the control group."""
    processes: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command for a sandbox: it sees the system and ``readable``, may write ``writable``, and has no network."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment."""
    readable: tuple[Path, ...] = ()
    """Files and folders that it sees read-only, besides the system's."""
    writable: tuple[Path, ...] = ()
    """Folders that it may write; the first one is its own, where it has any."""
    limits: Limits = Limits()
    log: Path | None = None
    """A file that the command and what it says are appended to; None: nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended. ``output`` is its standard output, and its errors too where they were merged."""

    command: tuple[str, ...]
    returncode: int
    output: str
    errors: str = ""
    timed_out: bool = False
    seconds: float = 0.0
    reason: str = ""
    """Which limit made it fail, in words, where the sandbox knows."""
