from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fuzzing import Judge, Judges, host_judges, own_judge
from tests.support.signed_wheelhouses import public


@pytest.fixture(scope="module")
def hosts() -> Iterator[Judges]:
    """Python 3.6 and newer ones with what runs on a host: they must agree."""
    with host_judges(f"admin {public().read_text()}second {public('second').read_text()}") as judges:
        yield judges


@pytest.fixture(scope="module")
def here() -> Iterator[Judge]:
    """This Python with all of Wheelyard."""
    with own_judge() as judge:
        yield judge
