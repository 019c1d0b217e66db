"""The whole walk: every command, each kind of fault, at every call; prints a table and writes it to ``docs/faults.md``.

python -m tests.faults [COMMAND...]     those of these names; the lines of the others stay as they are

A walk that was cut off goes on: what was walked without a problem is kept in ``build/faults.jsonl`` while the sources
are the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.faults.scenarios import WALKS
from tests.faults.starting import FAULTS, Fault
from tests.faults.walk import Row, prepared
from tests.support.pythons import find

HEAD = "| command | Python | fault | calls | tried | old | new | completed by the next run |"
JOBS = int(os.environ.get("JOBS", "0")) or os.cpu_count()
PARTS = 3  # of a line: all processes have work to the end, and little is lost where the walk is cut off
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
KEPT = ROOT / "build" / "faults.jsonl"
MARK = "<!-- make faults -->\n"
WORDS = {
    "kill": "killed before the call",
    "torn": "killed in the middle of a write",
    "full": "disk full from the call on",
    "broken": "input/output error",
    "interrupted": "interrupted call",
}

Part = tuple[int, Fault, int]
"""Number of a walk, the fault, and which of the parts of its calls."""


def walked(part: Part, sources: str) -> Row:
    """Walk one part of the calls of one scenario with one fault, and keep what came of it unless something is wrong."""
    number, fault, first = part
    scenario, version = WALKS[number]
    python = find(version) if version else None
    if version and python is None:
        raise SystemExit(f"no Python {version} here")
    with prepared(scenario, python) as walk:
        row = walk.walk(fault, lambda numbers: sorted(numbers)[first::PARTS])
    if not row.problems:
        with KEPT.open("a") as stream:
            print(json.dumps({"sources": sources, "part": part, "row": dataclasses.asdict(row)}), file=stream)
    return row


def identity() -> str:
    """Return what identifies the code that is walked, and that which walks."""
    content = hashlib.sha256()
    for folder in (ROOT / "src" / "wheelyard", ROOT / "tests" / "faults"):
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            content.update(f"{path.relative_to(ROOT)} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()


def kept(sources: str) -> dict[Part, Row]:
    """Return what an earlier walk of the same sources has done."""
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.touch()
    records = [json.loads(record) for record in KEPT.read_text().splitlines()]
    return {(*record["part"],): Row(**record["row"]) for record in records if record["sources"] == sources}


def together(rows: list[Row]) -> Row:
    """Return the line that its parts make."""
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("walked", "old", "new", "completed")}
    problems = [problem for row in rows for problem in row.problems]
    return dataclasses.replace(rows[0], problems=problems, calls=max(row.calls for row in rows), **sums)


def line(row: Row) -> str:
    """Return a row of the table as Markdown."""
    cells = (row.command, row.python, WORDS[row.fault], row.calls, row.walked, row.old, row.new, row.completed)
    return "| " + " | ".join(map(str, cells)) + " |"


def page(text: str, rows: list[Row]) -> str:
    """Return the page with new rows in the place of those of the same commands and Pythons."""
    head, _, table = text.partition(MARK)
    before = [row for row in table.splitlines()[2:] if row.startswith("|")]
    new = [line(row) for row in rows if row.calls]
    again = {tuple(row.split(" | ")[:2]) for row in new}
    order = [scenario.command for scenario, _ in WALKS]
    lines = [*(row for row in before if tuple(row.split(" | ")[:2]) not in again), *new]
    lines.sort(key=lambda row: order.index(row.split(" | ")[0].removeprefix("| ")))
    return head + MARK + "\n".join([HEAD, "|" + " --- |" * 8, *lines]) + "\n"


def main(names: list[str]) -> int:
    """Walk, print the table, and return 1 if anything is wrong."""
    chosen = [number for number, (scenario, _) in enumerate(WALKS) if not names or scenario.command in names]
    sources = identity()
    done = kept(sources)
    rows = []
    print(HEAD, flush=True)
    with ProcessPoolExecutor(JOBS, mp_context=get_context("fork")) as pool:
        lines = [[(number, fault, first) for first in range(PARTS)] for number in chosen for fault in FAULTS]
        walks = {part: pool.submit(walked, part, sources) for parts in lines for part in parts if part not in done}
        for parts in lines:
            rows.append(together([done[part] if part in done else walks[part].result() for part in parts]))
            print(line(rows[-1]), *rows[-1].problems, sep="\n", flush=True)
    wrong = sum(len(row.problems) for row in rows)
    print(f"{sum(row.walked for row in rows)} faults, {wrong} of them not as it should be")
    if not wrong and rows:
        PAGE.write_text(page(PAGE.read_text(), rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
