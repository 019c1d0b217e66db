"""Logical lines of pip's requirements file format: continuations joined, comments taken away, variables put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"(^|\s+)#.*$")


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One logical line and the number of the physical line it begins at."""

    number: int
    text: str


def logical(content: str) -> Iterator[LogicalLine]:
    """Yield the lines of a requirements file that say something.

    A line that ends in a backslash goes on in the next; a comment line ends it (as in pip).
    """
    for line in _joined(content):
        if text := _COMMENT.sub("", line.text).strip():
            yield LogicalLine(line.number, text)


def _joined(content: str) -> Iterator[LogicalLine]:
    pending: list[str] = []
    begin = 0
    for number, text in enumerate(content.splitlines(), start=1):
        comment = text.startswith("#")
        if text.endswith("\\") and not comment:
            begin = begin if pending else number
            pending.append(text.rstrip("\\"))
        elif pending:
            # The blank keeps a comment a comment when it is joined to what came before.
            yield LogicalLine(begin, "".join([*pending, " " + text if comment else text]))
            pending = []
        else:
            yield LogicalLine(number, text)
    if pending:
        yield LogicalLine(begin, "".join(pending))
