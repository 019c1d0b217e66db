"""What is to be built: its build requirements are found, locked and recorded, and its code runs in a sandbox only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.asked_sdists import BACKEND, sdist
from tests.support.index_server import IndexServer
from tests.support.locking import Place, versions
from tests.support.packages import make_sdist, make_wheel, metadata
from wheelyard.domain.errors import BuildError, Failures, NoCandidateError
from wheelyard.domain.lock import LockedPackage


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        yield Place(tmp_path, server)


def package(place: Place, name: str, requirements: str = "", more: str = "") -> LockedPackage:
    config = place.config(requirements or f"{name}\n", targets=more)
    (found,) = place.lock(config).values()
    return next(each for each in found.packages if each.name == name)


def test_requirements_and_metadata_of_an_sdist_are_found_and_locked(place: Place) -> None:
    make_wheel(place.files, "helper", "1.0", requires=["deep"])
    make_wheel(place.files, "deep", "1.0")
    make_wheel(place.files, "late", "3.0")
    make_wheel(place.files, "runtime", "1.0")
    sdist(place, "demo", static=("helper",), dynamic=("late>=2",), requires=("runtime",))
    config = place.config("demo\n", targets="")
    (found,) = place.lock(config).values()
    assert versions(found) == {"demo": "1.0", "runtime": "1.0"}
    demo = found.packages[0]
    assert demo.how == "build"
    assert demo.reason == "built from its sdist, because it has no wheel"
    needed = {requirement.name: requirement for requirement in demo.build_requirements}
    assert set(needed) == {"helper", "deep", "late"}
    assert needed["deep"].via == ("helper",)
    assert needed["late"].via == ("demo 1.0",)


def test_build_requirements_stay_with_their_sdist(place: Place) -> None:
    make_wheel(place.files, "helper", "1.0")
    sdist(place, "demo", static=("helper",))
    first = package(place, "demo")
    make_wheel(place.files, "helper", "2.0")
    make_wheel(place.files, "other", "1.0")
    place.server.requests.clear()
    assert package(place, "demo", "demo\nother\n").build_requirements == first.build_requirements


def test_static_metadata_runs_nothing(place: Place) -> None:
    make_wheel(place.files, "runtime", "1.0")
    promise = metadata("demo", "1.0", requires=["runtime"]).replace("2.1", "2.2")
    make_wheel(place.files, "setuptools", "70.0")
    make_sdist(place.files, "demo", "1.0", {"PKG-INFO": promise, "pyproject.toml": _DECLARED, "own.py": BACKEND})
    config = place.config("demo\n", targets="")
    (found,) = place.lock(config).values()
    assert versions(found) == {"demo": "1.0", "runtime": "1.0"}


_DECLARED = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'


def test_build_requirements_that_are_sdists_are_built_to_ask_the_backend(place: Place) -> None:
    make_wheel(place.files, "ground", "1.0")
    sdist(place, "helper", static=("ground",))
    sdist(place, "demo", static=("helper",), dynamic=("ground",))
    demo = package(place, "demo")
    needed = {requirement.name: requirement for requirement in demo.build_requirements}
    assert {name: each.how for name, each in needed.items()} == {"helper": "build", "ground": "fetch"}
    assert [requirement.name for requirement in needed["helper"].build_requirements] == ["ground"]


def test_a_circle_is_named(place: Place) -> None:
    sdist(place, "a", static=("b",))
    sdist(place, "b", static=("a",))
    with pytest.raises(BuildError, match="needs itself to be built: a -> b -> a"):
        package(place, "a")


def test_a_backend_that_fails_is_told_as_that(place: Place) -> None:
    sdist(place, "demo", backend="nothing")
    with pytest.raises(BuildError, match="nothing") as caught:
        package(place, "demo")
    assert caught.value.where == "demo 1.0"
    assert "HTTP" not in str(caught.value)


def test_the_users_own_build_requirements_are_added(place: Place) -> None:
    make_wheel(place.files, "helper", "1.0")
    make_wheel(place.files, "helper", "2.0")
    sdist(place, "demo", static=("helper",))
    demo = package(place, "demo", more='[packages.demo]\nbuild-requires = ["helper<2"]\n')
    assert {requirement.name: requirement.version for requirement in demo.build_requirements} == {"helper": "1.0"}


def test_from_source_where_a_wheel_fits(place: Place) -> None:
    make_wheel(place.files, "demo", "1.0")
    sdist(place, "demo")
    assert package(place, "demo").how == "fetch"
    assert package(place, "demo", more='[packages.demo]\nbuild = "always"\n').how == "build"


def test_metadata_of_an_sdist_is_read_from_a_wheel_for_others(place: Place) -> None:
    make_wheel(place.files, "runtime", "1.0")
    make_wheel(place.files, "demo", "1.0", tag="cp312-cp312-win_amd64", requires=["runtime"])
    sdist(place, "demo", requires=("never-asked",))
    config = place.config("demo\n", targets="")
    (found,) = place.lock(config).values()
    assert versions(found) == {"demo": "1.0", "runtime": "1.0"}
    assert found.packages[0].expects == "binary"


def test_nothing_is_compiled_for_another_system_by_mistake(place: Place) -> None:
    mac = '[[target]]\nname = "mac"\npython = "3.11"\nplatform = "macosx_11_0_arm64"\n'
    make_wheel(place.files, "demo", "1.0", tag="cp311-cp311-macosx_12_0_arm64")
    sdist(place, "demo")
    with pytest.raises(NoCandidateError, match="wheels for macosx_12_0_arm64; the target is macosx_11_0_arm64"):
        place.lock(place.config("demo\n", targets=mac))
    make_wheel(place.files, "demo", "0.9", tag="cp311-cp311-macosx_11_0_arm64")
    assert versions(place.lock(place.config("demo\n", targets=mac))["mac"]) == {"demo": "0.9"}


def test_every_sdist_that_fails_is_told_in_one_run(place: Place) -> None:
    failing = BACKEND + "\ndef prepare_metadata_for_build_wheel(*a, **k):\n    raise SystemExit('no')\n"
    asking = BACKEND + "\ndef get_requires_for_build_wheel(*a, **k):\n    raise SystemExit('nor this one')\n"
    for name, backend in {"first": failing, "second": failing, "third": asking}.items():
        info = f'{{"name": "{name}", "version": "1.0", "requires": []}}'
        files = {"PKG-INFO": metadata(name, "1.0"), "pyproject.toml": _DECLARED, "own.py": backend, "info.json": info}
        make_sdist(place.files, name, "1.0", files)
    make_wheel(place.files, "good", "1.0", requires=["second"])
    with pytest.raises(Failures) as caught:
        place.lock(place.config("first\ngood\nthird\n", targets=""))
    assert sorted(error.where or "" for error in caught.value.errors) == ["first 1.0", "second 1.0", "third 1.0"]
    assert caught.value.exit_code == BuildError.exit_code
