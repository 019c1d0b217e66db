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
from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Event, Warned, silent
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.sandbox.local import find_sandbox
from wheelyard.stages import variants
from wheelyard.stages.plan import Plan

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


def locked(place: Place, config: Config) -> tuple[Lock, tuple[Plan, ...], list[WheelyardError]]:
    """Lock the baseline and the variant; return the lock of the one, the plan of the other, and what is wrong."""
    (target,) = config.targets
    sandbox = find_sandbox(config.build, silent)
    here = variants.Image(sandbox_for=lambda _: sandbox, scratch=place.root, installs=False)

    def lock_one(some: Config) -> Lock:
        (found,) = place.lock(some).values()
        return found

    def recipes(plan: Plan) -> Mapping[str, Recipe]:
        return variants.recipes(plan, store=place.store, image=here)

    baseline, errors = lock_one(config), []

    def failed(folder: str, error: WheelyardError) -> None:
        errors.append(error)

    made = variants.lock_variants(config, {target.name: baseline}, lambda _: here, lock_one, recipes, failed)
    return baseline, made, errors


def plans(place: Place, config: Config) -> tuple[tuple[BuildUnit, ...], Lock, tuple[BuildUnit, ...]]:
    """Lock the baseline and the variant; return the units of the one, and the lock and units of the other."""
    baseline, (plan,), errors = locked(place, config)
    assert not errors
    tools = recipes_of(plan.config, to_build=True)
    plain = units_of(baseline.packages, plan.target, recipes_of(config), "gcc")
    return plain, plan.lock, units_of(plan.lock.packages, plan.target, plan.recipes, "gcc", tools=tools)


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


def test_all_packages_without_a_recipe_are_named_before_anything_is_built(place: Place) -> None:
    """Both, and not the third, which has one; with the folder's other variants they are no fault of the baseline."""
    sdist(place, "third")
    more = '\n[[recipe]]\npackage = "third"\nsystem = "setuptools"\n'
    tables = TABLES.replace("blas.environment", "simd.environment").replace('"ground"]', '"ground", "third"]')
    recipe = f'{more}blas.environment = {{ BLAS = "{{blas}}" }}\n'
    _, plan, errors = locked(place, place.config(WANTED + "third\n", targets=tables + recipe))
    assert not plan
    assert [error.message for error in errors] == [
        f"nobody has said how {name} is told which BLAS to take" for name in ("ground", "upper")
    ]


def test_a_slip_in_the_name_of_a_package_is_no_smaller_variant(place: Place) -> None:
    """A name that is close to a locked one is refused; any other may be of another target, and is warned of."""
    told: list[Event] = []
    tables = TABLES.replace('["upper", "ground"]', '["uper", "ground", "elsewhere"]')
    config = place.config(WANTED, targets=tables)
    place.lock(config, report=told.append)
    assert [each.message for each in told if isinstance(each, Warned)] == [
        "wheelyard.toml: [[variant]] packages: nothing in a lock is named elsewhere",
        "wheelyard.toml: [[variant]] packages: nothing in a lock is named uper; did you mean upper?",
    ]
    _, plan, (error,) = locked(place, config)
    assert (plan, error.message, error.hint) == ((), "no lock has uper, which it is to rebuild", "did you mean upper?")
    _, (plan_without,), errors = locked(place, place.config(WANTED, targets=tables.replace('"uper", ', "")))
    assert (plan_without.variant and plan_without.variant.packages, errors) == (("ground", "elsewhere"), [])
