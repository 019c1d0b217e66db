"""A sample of the walk: a few calls of each command and each kind of fault. All of them: ``make faults``."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Collection

import pytest

from tests.faults.scenarios import WALKS
from tests.faults.starting import FAULTS
from tests.faults.walk import Scenario, prepared
from tests.support.pythons import need

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("WHEELYARD_FAULTS_SEED", "1"))
A_FAULT = 2  # so many calls


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("scenario", "version"), WALKS, ids=lambda each: str(getattr(each, "command", each)))
def test_a_fault_at_any_call_leaves_the_old_state_or_the_new_one(scenario: Scenario, version: str | None) -> None:
    print(f"WHEELYARD_FAULTS_SEED={SEED}")
    chance = random.Random(f"{SEED} {scenario.command} {version}")

    faults = chance.sample(FAULTS, 2) if scenario.dear else FAULTS

    def some(numbers: Collection[int]) -> Collection[int]:
        return sorted(chance.sample(sorted(numbers), min(1 if scenario.dear else A_FAULT, len(numbers))))

    with prepared(scenario, need(version) if version else None) as walk:
        rows = [walk.walk(fault, some) for fault in faults]
    assert [problem for row in rows for problem in row.problems] == []
    assert all(row.walked == row.old + row.new == row.completed for row in rows)
    assert sum(row.walked for row in rows) >= len(faults)
