"""The whole walk: every command, each kind of fault, at every call; prints a table and writes it to ``docs/faults.md``.

python -m tests.faults [COMMAND...]     those whose names begin so; the page is written only by a walk of all
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.faults.scenarios import WALKS
from tests.faults.starting import FAULTS
from tests.faults.walk import Row, prepared
from tests.support.pythons import find

HEAD = "| command | Python | fault | calls | tried | old | new | completed by the next run |"
JOBS = int(os.environ.get("JOBS", "0")) or os.cpu_count()
STEP = int(os.environ.get("STEP", "1"))
DEAR = 5  # where a run takes seconds, every fifth call
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
MARK = "<!-- make faults -->\n"
WORDS = {
    "kill": "killed before the call",
    "torn": "killed in the middle of a write",
    "full": "disk full from the call on",
    "broken": "input/output error",
    "interrupted": "interrupted call",
}


def walked(number: int, fault: int) -> Row:
    """Walk one scenario with one fault."""
    scenario, version = WALKS[number]
    python = find(version) if version else None
    if version and python is None:
        raise SystemExit(f"no Python {version} here")
    step = max(STEP, DEAR) if scenario.dear else STEP
    with prepared(scenario, python) as walk:
        return walk.walk(FAULTS[fault], lambda numbers: sorted(numbers)[::step])


def line(row: Row) -> str:
    """Return a row of the table as Markdown."""
    cells = (row.command, row.python, WORDS[row.fault], row.calls, row.walked, row.old, row.new, row.completed)
    return "| " + " | ".join(map(str, cells)) + " |"


def page(text: str, rows: list[Row]) -> str:
    """Return the page with new rows in the place of those of the same commands and Pythons."""
    head, _, table = text.partition(MARK)
    before = [each for each in table.splitlines()[2:] if each.startswith("|")]
    new = [line(row) for row in rows if row.calls]
    again = {tuple(each.split(" | ")[:2]) for each in new}
    order = [scenario.command for scenario, _ in WALKS]
    lines = [*(each for each in before if tuple(each.split(" | ")[:2]) not in again), *new]
    lines.sort(key=lambda each: order.index(each.split(" | ")[0].removeprefix("| ")))
    return head + MARK + "\n".join([HEAD, "|" + " --- |" * 8, *lines]) + "\n"


def main(names: list[str]) -> int:
    """Walk, print the table, and return 1 if anything is wrong."""
    chosen = [number for number, (scenario, _) in enumerate(WALKS) if not names or scenario.command in names]
    with ProcessPoolExecutor(JOBS, mp_context=get_context("fork")) as pool:
        walks = [pool.submit(walked, number, fault) for number in chosen for fault in range(len(FAULTS))]
        rows = []
        print(HEAD)
        for walk in walks:
            rows.append(walk.result())
            print(line(rows[-1]), *rows[-1].problems, sep="\n", flush=True)
    wrong = sum(len(row.problems) for row in rows)
    print(f"{sum(row.walked for row in rows)} faults, {wrong} of them not as it should be")
    if not wrong:
        PAGE.write_text(page(PAGE.read_text(), rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
