from __future__ import annotations

import pytest
from packaging.markers import Marker

from tests.support.interpreters import PYTHONS, interpreter, markers
from wheelyard.domain.target import Target
from wheelyard.targets.environment import environment, marker
from wheelyard.targets.here import from_interpreter
from wheelyard.targets.presets import names
from wheelyard.targets.presets import target as preset

OF_THE_KERNEL = {"platform_release", "platform_version"}


@pytest.mark.parametrize("python", PYTHONS)
def test_equal_to_the_interpreter(python: str) -> None:
    real = interpreter(python)
    theirs = markers(real)
    mine = environment(from_interpreter(real))
    assert set(mine) == set(theirs)
    assert {key: mine[key] for key in set(mine) - OF_THE_KERNEL} == {
        key: theirs[key] for key in set(theirs) - OF_THE_KERNEL
    }
    assert all(mine[key] == "" for key in OF_THE_KERNEL)


def test_every_preset_fulfils_its_own_marker_and_no_other_python_does() -> None:
    for name in names():
        target = preset(name)
        written = Marker(marker(target))
        assert written.evaluate({**environment(target), "extra": ""})
        other = Target(name="o", python="3.7", python_full="3.7.0", platform=target.platform)
        assert not written.evaluate({**environment(other), "extra": ""})


def test_macos() -> None:
    found = environment(preset("macos-arm64"))
    assert (found["sys_platform"], found["platform_system"], found["platform_machine"]) == ("darwin", "Darwin", "arm64")
