"""What the first page searches: all projects as a script of data, and by letters for those without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from wheelyard.index.people.views import Row

SHORT = 300
"""As many projects are all on the first page; more are on pages of their own, by letters."""
_SUMMARY = 160


class Letter(NamedTuple):
    """A page of projects whose names begin alike."""

    label: str
    path: str
    rows: tuple[Row, ...]


def letters(rows: Sequence[Row], most: int = 500) -> list[Letter]:
    """Return pages by first letters, each of ``most`` projects at most; none where the first page has them all."""
    if len(rows) <= SHORT:
        return []
    return list(_letters(rows, most))


def _letters(rows: Sequence[Row], most: int) -> Iterator[Letter]:
    for first, group in groupby(rows, key=lambda row: "0" if row.name[0].isdigit() else row.name[0]):
        same = tuple(group)
        for number in range(0, len(same), most):
            part = f"-{number // most + 1}" if len(same) > most else ""
            label = ("0–9" if first == "0" else first.upper()) + part.replace("-", " ")
            yield Letter(label, f"letters/{first}{part}.html", same[number : number + most])


def script(rows: Sequence[Row]) -> str:
    """Return the script that gives the first page its data: what can be filtered by is the same for many projects."""
    kinds: dict[tuple[object, ...], int] = {}
    found = []
    for row in rows:
        kind = kinds.setdefault((row.folders, row.pythons, row.variants, (row.group,), row.origins), len(kinds))
        summary = row.summary if len(row.summary) <= _SUMMARY else row.summary[: _SUMMARY - 1].rstrip() + "…"
        found.append((row.shown, row.version, summary, " ".join(row.imports), kind))
    names = ("target", "python", "variant", "licence", "origin")
    data = {"kinds": [dict(zip(names, kind, strict=True)) for kind in kinds], "rows": found}
    return f"globalThis.wheelyardProjects={json.dumps(data, separators=(',', ':'))};\n"
