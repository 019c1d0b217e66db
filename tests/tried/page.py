"""The page of what was tried: ``docs/tried.md``, a table below each mark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tried.md"


def line(cells: Sequence[str]) -> str:
    """Return a row of a table as Markdown."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def with_table(text: str, mark: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a page with another table below the mark ``<!-- make … -->``."""
    before, found, after = text.partition(f"<!-- make {mark} -->\n")
    assert found, f"the page has no mark of make {mark}"
    lines = after.splitlines(keepends=True)
    below = next((number for number, row in enumerate(lines) if not row.startswith("|")), len(lines))
    table = [line(head), "|" + " --- |" * len(head), *map(line, rows)]
    return before + found + "\n".join(table) + "\n" + "".join(lines[below:])


def write(mark: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put a table into the page."""
    PAGE.write_text(with_table(PAGE.read_text(), mark, head, rows))
