"""What a sandboxed backend leaves behind leads the host nowhere: nothing outside changes, nothing else is published."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builds import Yard
from tests.support.hostile_sdists import KINDS, PUBLISHING, outside, planting, publishing, state
from tests.support.packages import make_wheel
from tests.support.sandboxes import Opened, working
from tests.support.sdists import sdist
from wheelyard.build.frontend import build_wheel, prepare_metadata
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Completed
from wheelyard.domain.errors import BuildError
from wheelyard.sandbox.workspace import base
from wheelyard.wheels.read import read

SHUT: tuple[str, ...] = ("bubblewrap", "unshare")


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in SHUT for kind in KINDS])
def test_traps_lead_nowhere(tmp_path: Path, name: str, kind: str) -> None:
    yard = Yard(tmp_path, working(name))
    away = outside(tmp_path / "outside")
    before = state(away)
    package = yard.sdist("demo", demo__py="", more=planting(kind, away))
    yard.recipes["demo"] = Recipe(local_version="x")
    (built,) = yard.build(package)
    assert state(away) == before
    assert read(yard.store.path(built.sha256), filename=built.filename, strict=True).top_level_modules == ("demo",)
    assert not [path for path in base().iterdir() if path.name.startswith(built.key[:24])]


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in SHUT for kind in PUBLISHING])
def test_only_what_it_built_is_published(tmp_path: Path, name: str, kind: str) -> None:
    yard = Yard(tmp_path, working(name))
    secret = make_wheel(outside(tmp_path / "outside"), "demo", "1.0", files={"secret.py": "TOKEN = 1"})
    before = state(secret.parent)
    (error,) = yard.fail(yard.sdist("demo", demo__py="", more=publishing(kind, secret)))
    assert isinstance(error, BuildError)
    assert "what its backend left cannot be taken: out" in str(error)
    assert state(secret.parent) == before


def test_a_device_is_not_opened(opened: Opened, tmp_path: Path) -> None:
    """No sandbox lets a build make one; it is refused all the same."""
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    place = opened(sdist(tmp_path, "demo", more="def build_wheel(d, *a):\n    sys.stdout.flush(); return 'demo.whl'\n"))

    class Making:
        name, isolation = place.sandbox.name, place.sandbox.isolation

        def run(self, command: Command) -> Completed:
            done = place.sandbox.run(command)
            os.mknod(place.root / "out" / "demo.whl", 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
            return done

    with pytest.raises(BuildError, match=r"out/demo\.whl is not a plain file"):
        build_wheel(replace(place, sandbox=Making()))


@pytest.mark.parametrize("kind", ["link to a folder", "fifo"])
def test_a_second_hook_is_as_safe_as_the_first(opened: Opened, tmp_path: Path, kind: str) -> None:
    """Where no hook prepares metadata, the wheel is built for it: what the first one left lies about then."""
    away = outside(tmp_path / "outside")
    before = state(away)
    more = (
        planting(kind, away)
        + """
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    top = os.path.dirname(os.path.dirname(os.path.abspath(".")))
    for place in ("home", "tmp", "out", "hook"):
        _plant(os.path.join(top, place))
    _plant(os.path.abspath("pyproject.toml"))
    os._exit(0)
"""
    )
    place = opened(sdist(tmp_path, "demo", demo__py="", more=more))
    with pytest.raises(BuildError):
        prepare_metadata(place)
    assert b"Name: demo" in prepare_metadata(opened(sdist(tmp_path, "demo", demo__py="", more=planting(kind, away))))
    assert state(away) == before
