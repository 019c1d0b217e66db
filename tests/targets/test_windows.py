"""Windows as a target to fetch for: tags as packaging has them there, markers, presets; nothing is compiled for it."""

from __future__ import annotations

import dataclasses

import pytest
from packaging.tags import cpython_tags

from wheelyard.domain.errors import ConfigError
from wheelyard.targets import platforms
from wheelyard.targets.environment import environment
from wheelyard.targets.presets import builder_image, target
from wheelyard.targets.tags import host_tags, tags


@pytest.mark.parametrize(
    ("name", "tag"), [("windows", "win_amd64"), ("windows-py311", "win_amd64"), ("windows-arm64", "win_arm64")]
)
def test_presets_take_what_an_interpreter_there_takes(name: str, tag: str) -> None:
    made = target(name)
    assert made.platform == tag
    theirs = [str(each) for each in cpython_tags(made.version_info, [f"cp{made.python.replace('.', '')}"], [tag])]
    mine = [str(each) for each in tags(made)]
    assert [each for each in mine if each in theirs] == theirs
    assert mine == [str(each) for each in host_tags(made)]
    assert not any("linux" in each for each in mine)
    assert builder_image(made) is None


@pytest.mark.parametrize(("tag", "cpu"), [("win_amd64", "AMD64"), ("win_arm64", "ARM64"), ("win32", "x86")])
def test_platforms_and_markers(tag: str, cpu: str) -> None:
    parsed = platforms.parse(tag)
    assert (parsed.family, parsed.tag, list(platforms.accepted(parsed))) == ("windows", tag, [tag])
    made = target("windows")
    values = environment(dataclasses.replace(made, platform=tag))
    assert (values["os_name"], values["sys_platform"], values["platform_system"]) == ("nt", "win32", "Windows")
    assert values["platform_machine"] == cpu
    here = platforms.parse("manylinux_2_28_x86_64")
    assert not platforms.compiles_for(here, parsed)


def test_a_slip_of_the_pen_names_the_tag_of_windows() -> None:
    for wrong, right in (("win-amd64", "win_amd64"), ("win64", "win_arm64"), ("windows_arm64", "win_arm64")):
        with pytest.raises(ConfigError, match="unknown platform tag") as caught:
            platforms.parse(wrong)
        assert right in (caught.value.hint or "")


def test_nobody_else_takes_what_is_for_windows() -> None:
    assert not any(
        "win" in str(tag).rpartition("-")[2] for name in ("el9", "macos-arm64") for tag in tags(target(name))
    )
