"""A wheel is finished by a list of steps: another one is another function."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builds import Yard
from tests.support.sandboxes import working
from wheelyard.build.steps import STEPS, Finishing
from wheelyard.build.steps.annotate import annotate
from wheelyard.domain.errors import WheelError

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path, working("bubblewrap"))


def test_a_step_of_ones_own(yard: Yard) -> None:
    seen: list[str] = []

    def sign(wheel: Finishing) -> Finishing:
        seen.append(wheel.path.name)
        return replace(wheel, extra={**wheel.extra, "signed.txt": b"by hand"})

    at = STEPS.index(annotate) + 1
    (built,) = yard.build(yard.sdist("demo", demo__py="x = 1\n"), steps=(*STEPS[:at], sign, *STEPS[at:]))
    assert seen == [built.filename]
    with zipfile.ZipFile(yard.store.path(built.sha256)) as archive:
        assert archive.read("demo-1.0.dist-info/signed.txt") == b"by hand"


def test_a_step_that_refuses_keeps_a_wheel_out_of_the_store(yard: Yard) -> None:
    def refuse(wheel: Finishing) -> Finishing:
        raise WheelError("not on a Sunday", where=wheel.path.name)

    (error,) = yard.fail(yard.sdist("demo", demo__py="x = 1\n"), steps=(*STEPS, refuse))
    assert "not on a Sunday" in str(error)
    assert yard.outcomes() == {"demo 1.0": "failed"}
