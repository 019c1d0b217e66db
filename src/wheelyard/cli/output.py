"""What the command line prints, through one door: no text from elsewhere steers the terminal that shows it.

Not a command.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from typing import Any

from rich.console import Console

from wheelyard.domain.events import Event, Reporter, Warned
from wheelyard.host.plain import plain_text, say

__all__ = ["cleaning", "complain", "console", "plain_value", "say", "say_json", "show"]


def complain(text: str) -> None:
    """Print a line on standard error."""
    say(text, sys.stderr)


def plain_value(value: Any) -> Any:
    """Return a value as JSON has it, every text in it made harmless."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_value(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    return value


def say_json(facts: object) -> None:
    """Print a value as one line of JSON on standard output."""
    say(json.dumps(plain_value(facts), ensure_ascii=False))


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes no text for markup, an emoji or something to colour."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def show(text: str, *, style: str | None = None, end: str = "\n") -> None:
    """Print a text on standard output, coloured where that is a terminal."""
    console().print(plain_text(text), style=style, end=end, soft_wrap=True)


def cleaning(report: Reporter) -> Reporter:
    """Return a reporter that hands on every event with its texts made harmless; names and notes become one line."""

    def cleaned(event: Event) -> None:
        texts = {field.name: getattr(event, field.name) for field in fields(event)}
        plain: dict[str, Any] = {name: plain_text(text) for name, text in texts.items() if isinstance(text, str)}
        if not isinstance(event, Warned):
            plain = {name: text.replace("\n", " ") for name, text in plain.items()}
        report(replace(event, **plain))

    return cleaned


def counted(number: int, noun: str) -> str:
    """Return how many of something, as one says it: ``1 package``, ``2 packages``, ``1 library``, ``2 libraries``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def human_bytes(count: float) -> str:
    """Return a size as people read it: ``3.2 MB`` (powers of ten, as disks are sold)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
