"""Two packages of a variant, of which one is needed to build the other: that one is compiled against the lock's."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.asked_sdists import sdist
from tests.support.index_server import IndexServer
from tests.support.locking import Place
from tests.support.packages import make_wheel
from wheelyard.build.unit import recipes_of, units_of
from wheelyard.config.model import Config
from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import silent
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.sandbox.local import find_sandbox
from wheelyard.stages import variants

TABLES = """
[[variant]]
name = "fast"
blas = "openblas"
packages = ["upper", "ground"]
""" + "".join(
    f'\n[[recipe]]\npackage = "{name}"\nsystem = "setuptools"\nblas.environment = {{ BLAS = "{{blas}}" }}\n'
    for name in ("upper", "ground")
)

WANTED = "upper\nground<2\n"

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="there is one BLAS for the tests, for x86_64")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        made = Place(tmp_path, server)
        make_wheel(made.files, "scipy-openblas32", "1.0")
        for version in ("1.0", "2.0"):
            sdist(made, "ground", version)
        sdist(made, "upper", static=("ground>=1",))
        yield made


def plans(place: Place, config: Config) -> tuple[tuple[BuildUnit, ...], Lock, tuple[BuildUnit, ...]]:
    """Lock the baseline and the variant; return the units of the one, and the lock and units of the other."""
    (target,) = config.targets
    sandbox = find_sandbox(config.build, silent)
    here = variants.Image(sandbox_for=lambda _: sandbox, scratch=place.root, installs=False)

    def lock_one(each: Config) -> Lock:
        (found,) = place.lock(each).values()
        return found

    baseline = lock_one(config)

    def failed(folder: str, error: WheelyardError) -> None:
        raise error

    (plan,) = variants.lock_variants(config, {target.name: baseline}, lambda _: here, lock_one, failed)
    assert plan.variant is not None
    recipes = variants.recipes(plan.config, target, plan.variant, plan.lock, store=place.store, image=here)
    tools = recipes_of(plan.config, to_build=True)
    plain = units_of(baseline.packages, target, recipes_of(config), "gcc")
    return plain, plan.lock, units_of(plan.lock.packages, target, recipes, "gcc", tools=tools)


def needed(package: LockedPackage) -> Mapping[str, LockedPackage]:
    return {requirement.name: requirement for requirement in package.build_requirements}


def test_what_is_compiled_against_is_a_wheel_of_the_locks_version(place: Place) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(place.files, "ground", version)
    _, lock, units = plans(place, place.config(WANTED, targets=TABLES))
    locked = {package.name: package for package in lock.packages}
    assert {name: (each.version, each.how) for name, each in locked.items()} == {
        "upper": ("1.0", "build"),
        "ground": ("1.0", "build"),
    }
    ground = needed(locked["upper"])["ground"]
    assert (ground.version, ground.how) == ("1.0", "fetch"), "not the newest, and not compiled a second time"
    assert "scipy-openblas32" in needed(locked["upper"])
    assert "scipy-openblas32" in needed(locked["ground"])
    assert sorted(unit.package.name for unit in units) == ["ground", "upper"]


def test_what_has_no_wheel_is_built_as_for_the_baseline(place: Place) -> None:
    plain, lock, units = plans(place, place.config(WANTED, targets=TABLES))
    upper = next(package for package in lock.packages if package.name == "upper")
    ground = needed(upper)["ground"]
    assert (ground.version, ground.how) == ("1.0", "build")
    assert not needed(ground), "no BLAS"
    by_label = {(unit.package.name, unit.recipe.local_version): unit for unit in units}
    assert set(by_label) == {("upper", "openblas"), ("ground", "openblas"), ("ground", None)}
    tool = by_label["ground", None]
    assert tool.key in {unit.key for unit in plain}, "it is there already"
    assert by_label["upper", "openblas"].requires == (tool.key,)


def test_what_was_locked_before_is_kept_while_it_agrees(place: Place) -> None:
    make_wheel(place.files, "ground", "1.0")
    first = plans(place, place.config(WANTED, targets=TABLES))[1]
    make_wheel(place.files, "ground", "1.5")
    make_wheel(place.files, "other", "1.0")
    again = plans(place, place.config(WANTED + "other\n", targets=TABLES))[1]
    assert {package.name: package for package in again.packages if package.name != "other"} == {
        package.name: package for package in first.packages
    }
    sdist(place, "ground", "1.5")
    moved = plans(place, place.config("upper\nground==1.5\n", targets=TABLES))[1]
    upper = next(package for package in moved.packages if package.name == "upper")
    assert needed(upper)["ground"].version == "1.5"
