"""What a program said and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


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
