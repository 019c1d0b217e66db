"""``same-versions``: every target gets the newest version that all of them can have, or the conflict in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.configurations import errors
from tests.support.index_server import IndexServer
from tests.support.locking import EL9, Place, versions
from tests.support.packages import make_wheel
from wheelyard.domain.errors import WheelyardError

EL8 = '[[target]]\nname = "el8"\npython = "3.8"\nplatform = "manylinux_2_28_x86_64"\n'
MAC = '[[target]]\nname = "mac"\npython = "3.12"\nplatform = "macosx_13_0_arm64"\n'
WINDOWS = '[[target]]\nname = "windows"\npreset = "windows"\n'
ALL = EL8 + EL9 + MAC + WINDOWS


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        made = Place(tmp_path, server)
        for version, python in (("1.0", ">=3.6"), ("2.0", ">=3.8"), ("3.0", ">=3.9"), ("4.0", ">=3.12")):
            make_wheel(
                made.files, "app", version, requires_python=python, requires=["core", "tint; sys_platform=='win32'"]
            )
        make_wheel(made.files, "tint", "1.0")
        make_wheel(made.files, "core", "1.0")
        for tag in ("py3-none-manylinux_2_28_x86_64", "py3-none-macosx_11_0_arm64", "py3-none-win_amd64"):
            make_wheel(made.files, "core", "1.5", tag=tag)
        make_wheel(made.files, "core", "2.0", tag="py3-none-manylinux_2_28_x86_64")
        make_wheel(made.files, "core", "2.1", tag="py3-none-win_amd64")
        yield made


def test_four_kinds_of_hosts_get_the_newest_that_each_can_have(place: Place) -> None:
    plain = place.lock(place.config("app\n", targets=ALL))
    assert {name: versions(lock)["app"] for name, lock in plain.items()} == {
        "el8": "2.0", "el9": "3.0", "mac": "4.0", "windows": "4.0",
    }  # fmt: skip
    same = place.lock(place.config("app\n", "same-versions = true", targets=ALL))
    for name in ("el8", "el9", "mac"):
        assert versions(same[name]) == {"app": "2.0", "core": "1.5"}
    assert versions(same["windows"]) == {"app": "2.0", "core": "1.5", "tint": "1.0"}
    asked = len(place.server.requests)
    assert place.lock(place.config("app\n", "same-versions = true", targets=ALL)) == same
    assert len(place.server.requests) == asked


def test_names_alone(place: Place) -> None:
    same = place.lock(place.config("app\n", 'same-versions = ["Core"]', targets=ALL))
    assert {versions(lock)["core"] for lock in same.values()} == {"1.5"}
    assert versions(same["mac"])["app"] == "4.0"


def test_a_target_more_locks_all_again(place: Place) -> None:
    first = place.lock(place.config("app\n", "same-versions = true", targets=EL9 + MAC))
    assert {versions(lock)["app"] for lock in first.values()} == {"3.0"}
    more = place.lock(place.config("app\n", "same-versions = true", targets=EL8 + EL9 + MAC))
    assert {versions(lock)["app"] for lock in more.values()} == {"2.0"}


def test_a_conflict_in_words(place: Place) -> None:
    with pytest.raises(WheelyardError) as caught:
        place.lock(place.config("app>=3 ; python_version >= '3.9'\napp\n", "same-versions = true", targets=EL8 + EL9))
    words = " ".join(str(error) for error in errors(caught))
    assert "target el9" in words
    assert "app<=2.0" in words
    assert "app>=3" in words


def test_constraints_of_one_target(place: Place) -> None:
    (place.root / "el9.txt").write_text("app<3\ncore==1.0\n")
    own = EL9.rstrip() + '\nconstraints = ["el9.txt"]\n'
    locks = place.lock(place.config("app\n", targets=own + MAC))
    assert versions(locks["el9"]) == {"app": "2.0", "core": "1.0"}
    assert versions(locks["mac"]) == {"app": "4.0", "core": "1.5"}
    (place.root / "el9.txt").write_text("app<2\n")
    assert versions(place.lock(place.config("app\n", targets=own + MAC))["el9"])["app"] == "1.0"
    with pytest.raises(WheelyardError) as caught:
        place.config("app\n", targets=own.replace("el9.txt", "el10.txt") + MAC)
    assert "el10.txt: no such file" in str(errors(caught)[0])
