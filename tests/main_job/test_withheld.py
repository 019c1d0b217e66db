"""One target that fails does not withhold the others, and keeps what was published of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import index_server as simulator
from tests.support.packages import make_wheel
from tests.support.sdists import sdist
from tests.support.twins import wheels, write
from tests.support.yard import Yard
from wheelyard.config.model import Config
from wheelyard.domain.errors import BuildError, Failures, StorageError, WheelyardError
from wheelyard.domain.lock import Lock
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.targets.here import this_machine

pytestmark = pytest.mark.slow

OLD = "bad; python_version < '3.10'\n"
STATIC = "Metadata-Version: 2.2\nName: bad\nVersion: 1.0\n"


def other_bytes(yard: Yard) -> None:
    wheel = make_wheel(yard.shop, "bad", "1.0")
    yard.index.fault(f"/files/{wheel.name}", simulator.content(b"something else"))


def not_to_be_built(yard: Yard) -> None:
    more = "def build_wheel(*given): raise SystemExit('no')\n"
    sdist(yard.shop, "bad", more=more, bad__py="", **{"PKG-INFO": STATIC})


def damaged(yard: Yard) -> None:
    wheel = make_wheel(yard.shop, "bad", "1.0")
    wheel.write_bytes(wheel.read_bytes().replace(b"bad-1.0.dist-info/RECORD", b"bad-1.0.dist-info/RECXRD"))


def not_to_be_imported(yard: Yard) -> None:
    make_wheel(yard.shop, "bad", "1.0", files={"bad.py": "import not_there\n"})


FAILS: dict[str, tuple[int, Callable[[Yard], None]]] = {
    "lock": (4, lambda yard: None),
    "fetch": (7, other_bytes),
    "build": (8, not_to_be_built),
    "check": (10, damaged),
    "prove": (11, not_to_be_imported),
}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stage", FAILS)
def test_a_target_that_fails_keeps_its_folder_and_the_others_are_published(yard: Yard, stage: str) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(yard.shop, "good", version)
    write(yard, "good==1.0\n")
    yard.build("--no-prove")
    old = yard.wheelhouse / "targets" / "py39"
    before = content(old)

    code, break_it = FAILS[stage]
    break_it(yard)
    write(yard, "good==2.0\n" + OLD)
    done = yard.run("build", "--json", *(() if stage == "prove" else ("--no-prove",)))
    assert done.code == code, done.out + done.err
    assert [each["name"] for each in done.summary["targets"]] == ["py312"]
    assert [(each["name"], each["kept"]) for each in done.summary["withheld"]] == [("py39", True)]
    assert "bad" in str(next(event for event in done.events if event["event"] == "error"))
    assert content(old) == before
    assert wheels(yard, "py312") == ["good-2.0-py3-none-any.whl"]

    assert yard.run("check", str(yard.wheelhouse)).code == 0
    for page in yard.wheelhouse.rglob("index.html"):
        for link in re.findall(r'href="([^"#?]+\.whl)(?:#|")', page.read_text()):
            assert (page.parent / link).is_file(), (page, link)
    manifest = json.loads((yard.wheelhouse / "manifest.json").read_text())
    assert {each["folder"] for each in manifest["targets"]} == {"py39", "py312"}
    listed = (yard.wheelhouse / "simple" / "good" / "index.html").read_text()
    assert "good-1.0-py3-none-any.whl" in listed
    assert "good-2.0-py3-none-any.whl" in listed


def test_what_is_put_right_is_published(yard: Yard) -> None:
    make_wheel(yard.shop, "good", "1.0")
    write(yard, "good\n" + OLD)
    done = yard.run("build", "--no-prove")
    assert done.code == 4
    assert "py39   withheld: it has no folder" in done.out
    assert not (yard.wheelhouse / "targets" / "py39").exists()
    make_wheel(yard.shop, "bad", "1.0")
    assert yard.run("build", "--no-prove").code == 0
    assert wheels(yard, "py39") == ["bad-1.0-py3-none-any.whl", "good-1.0-py3-none-any.whl"]


def test_all_or_nothing(yard: Yard) -> None:
    make_wheel(yard.shop, "good", "1.0")
    write(yard, "good\n")
    yard.build("--no-prove")
    before = yard.state()
    not_to_be_built(yard)
    write(yard, "good\n" + OLD)
    done = yard.run("build", "--no-prove", "--all-or-nothing")
    assert done.code == 8, done.err
    assert yard.state() == before


def plan(target: str, variant: str = "") -> Plan:
    folder = f"{target}.{variant}" if variant else target
    here = this_machine()
    lock = Lock(target=target, requires_python="", environment="", requirements_sha256="", packages=())
    config = Config(path=Path("wheelyard.toml"), requirements=())
    return Plan(name=folder, target=replace(here, name=target), config=config, lock=lock)


def test_a_baseline_takes_its_variants_along_and_a_variant_only_itself() -> None:
    plans = [plan("one"), plan("two"), plan("one", "mkl"), plan("two", "mkl")]
    withheld = Withheld()
    withheld.add("one", BuildError("no"))
    withheld.add("two.mkl", BuildError("neither"))
    assert [each.name for each in withheld.left(plans)] == ["two"]
    assert withheld.reasons("one.mkl") == ()


def test_what_is_no_target_s_fault_ends_the_run() -> None:
    withheld = Withheld()
    with pytest.raises(StorageError), withheld.unless("one"):
        raise StorageError("the disk is full")


def test_with_nothing_left_everything_is_told_once() -> None:
    withheld, error = Withheld(), BuildError("no")
    for each in ("one", "two"):
        withheld.add(each, error)
    with pytest.raises(BuildError, match="no"):
        withheld.left([plan("one"), plan("two")])
    withheld.add("two", WheelyardError("more"))
    with pytest.raises(Failures):
        withheld.left([plan("one"), plan("two")])
