"""Which tests may skip, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class Allowed:
    """A skip that is known: patterns of the test's id and of its reason."""

    test: str
    reason: str

    @staticmethod
    def read(path: Path) -> tuple[Allowed, ...]:
        """Return the rows of a list: two patterns, two spaces or more between them."""
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
        return tuple(Allowed(*re.split(r"\s{2,}", line.strip(), maxsplit=1)) for line in lines)

    def lets(self, test: str, reason: str) -> bool:
        """Whether this row lets a test skip for this reason; brackets in ids and reasons stand for themselves."""
        texts = ((test, self.test), (reason.removeprefix("Skipped: "), self.reason))
        return all(fnmatchcase(text, pattern.replace("[", "[[]")) for text, pattern in texts)


def not_allowed(skipped: Iterable[tuple[str, str]], allowed: Iterable[Allowed]) -> list[tuple[str, str]]:
    """Return the skips, as test id and reason, that no row lets."""
    rows = tuple(allowed)
    return [(test, reason) for test, reason in skipped if not any(row.lets(test, reason) for row in rows)]


ALLOWED = Path(__file__).parents[1] / "allowed-skips.txt"
