"""Locks as files: what is written is read back, is valid, and stock tools take it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock, is_valid_pylock_path

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.lock import pylock, requirements_txt

WHEEL = LockedPackage(
    name="a",
    version="1.0+x",
    file=LockedFile(
        filename="a-1.0+x-py3-none-any.whl",
        sha256="1" * 64,
        url="https://i.invalid/a.whl",
        size=9,
        index="main",
        upload_time="2024-02-29T23:59:59.000001Z",
        yanked="",
        provenance="https://i.invalid/a.whl.provenance",
    ),
    reason='said "so" \\ é',
    requires_python="<4,>=3.6",
    extras=("Foo_Bar", "z"),
    via=("-r requirements/demo.in", "b"),
)
SETUPTOOLS = LockedPackage(
    name="setuptools",
    version="70",
    file=LockedFile(filename="setuptools-70-py3-none-any.whl", sha256="2" * 64, path="links/setuptools-70.whl"),
    reason="r",
)
FOR_TARGET = replace(WHEEL.file, filename="a-1.0-cp312-cp312-macosx_11_0_arm64.whl", sha256="5" * 64)
SDIST = LockedPackage(
    name="b",
    version="2",
    file=LockedFile(
        filename="b-2.tar.gz", sha256="3" * 64, url="https://i.invalid/b-2.tar.gz", upload_time="2020-01-01T00:00:00Z"
    ),
    reason="r",
    expects="binary",
    build_requirements=(replace(SETUPTOOLS, build_requirements=(WHEEL,)), replace(WHEEL, for_target=FOR_TARGET)),
)
LOCK = Lock(
    target="el9",
    requires_python="==3.9.*",
    environment='python_version == "3.9" and sys_platform == "linux"',
    requirements_sha256="4" * 64,
    packages=(WHEEL, SDIST, SETUPTOOLS),
    resolver="pip-tools",
    pip=SETUPTOOLS,
)


@pytest.mark.parametrize("lock", [LOCK, replace(LOCK, pip=None), replace(LOCK, packages=())])
def test_a_lock_comes_back_as_it_was(lock: Lock) -> None:
    text = pylock.dumps(lock)
    assert pylock.loads(text, where="pylock.el9.toml") == lock
    assert pylock.dumps(pylock.loads(text, where="x")) == text


def test_a_lock_is_what_the_standard_says() -> None:
    document = Pylock.from_dict(tomllib.loads(pylock.dumps(LOCK)))
    document.validate()
    assert [package.name for package in document.packages] == ["a", "b", "setuptools"]
    assert document.packages[1].sdist is not None
    assert is_valid_pylock_path(Path(pylock.filename("el9")))


@pytest.mark.parametrize(
    "text",
    ["", "lock-version = '1.0'", "not toml", "lock-version='1.0'\ncreated-by='x'\npackages=[]\n"],
    ids=["empty", "incomplete", "no-toml", "of-another-tool"],
)
def test_a_damaged_lock_says_so(text: str) -> None:
    with pytest.raises(ConfigError, match="lock") as caught:
        pylock.loads(text, where="pylock.el9.toml")
    assert caught.value.where == "pylock.el9.toml"
    assert caught.value.hint


_TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


@settings(max_examples=100, deadline=None)
@given(_TEXT, st.lists(_TEXT))
def test_any_text_in_a_lock_comes_back(reason: str, via: list[str]) -> None:
    lock = replace(LOCK, packages=(replace(WHEEL, reason=reason, via=tuple(via)),))
    assert pylock.loads(pylock.dumps(lock), where="x") == lock


def test_a_slip_in_a_lock_is_found_and_another_layout_is_none() -> None:
    text = pylock.dumps(LOCK)
    assert pylock.read(text, where="x") == (LOCK, True)
    assert pylock.read(text.replace("\n\n", "\n\n\n# a remark\n"), where="x") == (LOCK, True)
    assert not pylock.read(text.replace("1" * 64, "7" * 64), where="x")[1]


def test_requirements_are_in_the_format_of_pip_compile() -> None:
    lock = replace(LOCK, packages=(WHEEL, replace(SETUPTOOLS, via=("b",))))
    assert requirements_txt.dumps(lock) == (
        "# Locked by wheelyard for el9; made again by: wheelyard lock\n"
        "a[Foo_Bar,z]==1.0+x \\\n"
        f"    --hash=sha256:{'1' * 64}\n"
        "    # via\n"
        "    #   -r requirements/demo.in\n"
        "    #   b\n"
        "setuptools==70 \\\n"
        f"    --hash=sha256:{'2' * 64}\n"
        "    # via b\n"
    )


def test_no_name_of_a_requirer_gets_out_of_its_comment() -> None:
    line = requirements_txt.PinnedLine(name="a", version="1", sha256s=["0" * 64], via=["-r x\nevil==1", "y\r\nevil==2"])
    text = requirements_txt.render([line])
    assert [each for each in text.splitlines() if each.startswith("evil")] == []
