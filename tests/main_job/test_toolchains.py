"""Each target's toolchain is found once a run: for the lock, and for the builds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.support.sandboxes import working
from tests.support.sdists import extension, sdist
from wheelyard.config.load import load
from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import silent
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.stages.main_job import build
from wheelyard.stages.options import Options
from wheelyard.store.blobs import Store
from wheelyard.targets.here import this_machine
from wheelyard.toolchain import native
from wheelyard.toolchain.find import FINDERS, Toolchains
from wheelyard.toolchain.local import LocalToolchain
from wheelyard.toolchain.protocol import Means, Toolchain

HERE = this_machine()
CONFIGURATION = f"""
requirements = ["requirements.in"]
no-index = true
[[target]]
name = "here"
pip = "23.2"
platform = "{HERE.platform}"
[[index]]
name = "shop"
url = "shop"
kind = "find-links"
"""


@dataclass
class Counting:
    """Finds by another function, and says what it was asked."""

    how: Callable[[Target, Means], Toolchain]
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """The target's name, and the image that it is pinned to."""

    def needs(self, target: Target, store: Store) -> tuple[RemoteFile, ...]:
        return ()

    def find(self, target: Target, means: Means) -> Toolchain:
        self.asked.append((target.name, means.pinned(target, target.build.image)))
        return self.how(target, means)


@dataclass(frozen=True, slots=True, kw_only=True)
class InImage(LocalToolchain):
    """As if it were in an image."""

    pin: str

    @property
    def image_pin(self) -> str:  # type: ignore[override]
        return self.pin


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_lock_and_the_builds_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(native.find)
    monkeypatch.setitem(FINDERS, None, counting)
    # What it is asked while it is locked, it is asked of its backend: it declares nothing.
    sdist(tmp_path / "shop", "demo", demo__c=extension("demo"))
    (tmp_path / "requirements.in").write_text("demo\n")
    (tmp_path / "wheelyard.toml").write_text(CONFIGURATION)
    done = build(load(tmp_path), Options(prove=False), store=Store(tmp_path / "store"))
    assert (done.built, done.withheld) == (1, {})
    assert counting.asked == [("here", None)]


def test_another_image_that_a_lock_names_is_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = replace(HERE, build=replace(HERE.build, image="localhost/toy"))
    local = working("bubblewrap")

    def in_image(target: Target, means: Means) -> Toolchain:
        asked = str(means.pinned(target, "localhost/toy"))
        pin = asked if "@" in asked else f"{asked}@2"
        return InImage(python=Path("/usr/bin/python3"), identity="toy", local=local, pin=pin)

    counting = Counting(in_image)
    monkeypatch.setitem(FINDERS, None, counting)
    toolchains = Toolchains(BuildSettings(), Store(tmp_path), silent)
    for pinned in ("localhost/toy@2", "localhost/toy@1", "localhost/toy@1"):
        toolchains(target)
        toolchains.pin({target.name: pinned})
        assert toolchains(target).image_pin == pinned
    assert counting.asked == [(target.name, "localhost/toy"), (target.name, "localhost/toy@1")]


def test_what_cannot_be_had_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(target: Target, means: Means) -> Toolchain:
        raise ToolError("no toys today", where=target.name)

    counting = Counting(nowhere)
    for name in (None, "zig"):
        monkeypatch.setitem(FINDERS, name, counting)
    toolchains = Toolchains(BuildSettings(), Store(tmp_path), silent)
    for _ in range(2):
        with pytest.raises(ToolError, match="no toys today"):
            toolchains(HERE)
    assert len(counting.asked) == 1
    # A lock is made without it, unless the target names it.
    assert toolchains.machine(HERE) == HERE
    with pytest.raises(ToolError, match="no toys today"):
        toolchains.machine(replace(HERE, build=replace(HERE.build, toolchain="zig")))
