"""The whole walk: every command, each kind of fault, at every call; prints a table and writes it to ``docs/faults.md``.

python -m tests.faults [COMMAND...]     those whose names begin so; the page is written only by a walk of all
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.faults.scenarios import WALKS
from tests.faults.starting import FAULTS
from tests.faults.walk import Row, prepared
from tests.support.pythons import find

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
MARK = "<!-- make faults -->\n"
DEAR = 5  # of what takes long, every fifth call
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
    step = DEAR if scenario.dear and FAULTS[fault] != "kill" else 1
    with prepared(scenario, python) as walk:
        return walk.walk(FAULTS[fault], lambda numbers: sorted(numbers)[::step])


def table(rows: Iterable[Row]) -> str:
    """Return the table as Markdown."""
    lines = ["| command | Python | fault | calls | tried | old | new | completed by the next run |", "|" + " --- |" * 8]
    for row in rows:
        cells = (row.command, row.python, WORDS[row.fault], row.calls, row.walked, row.old, row.new, row.completed)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> int:
    """Walk, print the table, and return 1 if anything is wrong."""
    chosen = [
        number for number, (scenario, _) in enumerate(WALKS) if not names or scenario.command.startswith(tuple(names))
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        walks = [pool.submit(walked, number, fault) for number in chosen for fault in range(len(FAULTS))]
        rows = []
        for each in walks:
            rows.append(each.result())
            print(*table(rows[-1:]).splitlines()[2:], *rows[-1].problems, sep="\n", flush=True)
    total = sum(row.walked for row in rows)
    wrong = sum(len(row.problems) for row in rows)
    print(f"{total} faults, {wrong} of them not as it should be")
    if not names and not wrong:
        head = PAGE.read_text().partition(MARK)[0]
        PAGE.write_text(f"{head}{MARK}{table(row for row in rows if row.calls)}\n{total} faults in all.\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
