from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.tags import Tag

from tests.support.interpreters import PYTHONS, interpreter, pip_tags, pip_version
from wheelyard.domain.target import Target
from wheelyard.targets import platforms, tags
from wheelyard.targets.here import from_interpreter

ASKED = (
    ("9.0.3", "3.6"),
    ("19.0.3", "3.7"),
    ("19.3.1", "3.8"),
    ("20.2.4", "3.9"),
    ("21.2.3", "3.9"),
    ("23.3.2", "3.12"),
    ("21.3.1", "3.6"),
    ("24.0", "3.7"),
    ("25.0.1", "3.8"),
    ("26.0.1", "3.9"),
    ("26.3", "3.10"),
    ("26.3", "3.13"),
)


def target(python: str, platform: str, pip: str | None = None, implementation: str = "cpython") -> Target:
    return Target(
        name="x",
        python=python,
        python_full=f"{python.removesuffix('t')}.0",
        platform=platform,
        pip=pip,
        implementation=implementation,
    )


def words(found: tuple[Tag, ...]) -> list[str]:
    return [str(tag) for tag in found]


@pytest.mark.parametrize("python", PYTHONS)
def test_equal_to_the_pip_of_the_interpreter(python: str) -> None:
    real = interpreter(python)
    mine = target(python, real.platform, pip_version(real))
    assert words(tags.host_tags(mine)) == pip_tags(real)


@pytest.mark.network
def test_equal_to_the_pips_of_real_hosts(tmp_path: Path) -> None:
    """Every pip that a preset names, and the newest for each Python, asked by themselves."""

    def download(pip: str) -> None:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path), f"pip=={pip}"]
        subprocess.run([*command, "--disable-pip-version-check"], check=True, capture_output=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(download, sorted({pip for pip, _ in ASKED})))
    for pip, python in ASKED:
        real = interpreter(python)
        (wheel,) = tmp_path.glob(f"pip-{pip}-*.whl")
        mine = target(python, real.platform, pip)
        assert words(tags.host_tags(mine)) == pip_tags(real, wheel), (pip, python)
        if pip == tags.newest_pip(python):
            assert words(tags.tags(mine)) == pip_tags(real, wheel), (pip, python)


def test_what_each_old_pip_cannot_see() -> None:
    def platforms_of(pip: str) -> set[str]:
        return {tag.platform for tag in tags.host_tags(target("3.8", "manylinux_2_28_x86_64", pip))}

    assert platforms_of("9.0.3") == {"manylinux1_x86_64", "linux_x86_64", "any"}
    assert platforms_of("19.0.3") == platforms_of("9.0.3") | {"manylinux2010_x86_64"}
    assert platforms_of("20.2.4") == platforms_of("19.0.3") | {"manylinux2014_x86_64"}
    assert {"manylinux_2_28_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"} <= platforms_of("20.3")
    assert "manylinux_2_29_x86_64" not in platforms_of("20.3")


def test_old_glibc_hides_newer_legacy_names() -> None:
    seen = {tag.platform for tag in tags.host_tags(target("3.8", "manylinux_2_12_x86_64", "20.2.4"))}
    assert "manylinux2010_x86_64" in seen
    assert "manylinux2014_x86_64" not in seen


def test_other_cpus_begin_at_glibc_2_17() -> None:
    names = [tag.platform for tag in tags.tags(target("3.9", "manylinux_2_34_aarch64")) if tag.abi == "cp39"]
    assert names[0] == "manylinux_2_34_aarch64"
    assert names[-3:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"]


def test_abis() -> None:
    assert words(tags.tags(target("3.6", "linux_x86_64")))[0] == "cp36-cp36m-linux_x86_64"
    assert words(tags.tags(target("3.8", "linux_x86_64")))[0] == "cp38-cp38-linux_x86_64"
    free = words(tags.tags(target("3.13t", "manylinux_2_28_x86_64")))
    assert "cp313-cp313t-manylinux_2_28_x86_64" in free
    assert not any("-abi3-" in tag or "-cp313-" in tag for tag in free)
    assert not any("-abi3t-" in str(tag) for tag in tags.host_tags(target("3.13t", "manylinux_2_28_x86_64", "25.3")))
    assert "pp310-pypy310_pp73-linux_x86_64" in words(tags.tags(target("3.10", "linux_x86_64", None, "pypy")))


def test_musllinux_and_macos() -> None:
    musl = {tag.platform for tag in tags.tags(target("3.12", "musllinux_1_2_x86_64"))}
    assert musl == {"musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "musllinux_1_0_x86_64", "linux_x86_64", "any"}
    assert {tag.platform for tag in tags.host_tags(target("3.8", "musllinux_1_2_x86_64", "21.1"))} == {
        "linux_x86_64",
        "any",
    }
    mac = [tag.platform for tag in tags.tags(target("3.13", "macosx_11_0_arm64")) if tag.abi == "cp313"]
    assert mac[:2] == ["macosx_11_0_arm64", "macosx_11_0_universal2"]
    assert not any("x86_64" in name for name in mac)


def test_legacy_name_is_the_same_platform() -> None:
    assert platforms.parse("manylinux2014_x86_64") == platforms.parse("manylinux_2_17_x86_64")
    assert tags.tags(target("3.9", "manylinux2014_x86_64")) == tags.tags(target("3.9", "manylinux_2_17_x86_64"))


def test_no_tag_twice() -> None:
    for python in ("3.6", "3.13", "3.14t"):
        found = tags.tags(target(python, "manylinux_2_39_x86_64"))
        assert len(found) == len(set(found))


def test_target_made_from_an_interpreter_accepts_what_it_does() -> None:
    real = interpreter("3.13")
    mine = from_interpreter(real)
    assert set(pip_tags(real)) == set(words(tags.tags(mine)))
