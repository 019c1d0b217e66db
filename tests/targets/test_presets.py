from __future__ import annotations

import pytest

from wheelyard.domain.errors import ConfigError
from wheelyard.targets import platforms, presets


@pytest.mark.parametrize(
    ("name", "python", "platform", "pip"),
    [
        ("el7", "3.6", "manylinux_2_17_x86_64", "9.0.3"),
        ("el8", "3.6", "manylinux_2_28_x86_64", "9.0.3"),
        ("el8-py38", "3.8", "manylinux_2_28_x86_64", "19.3.1"),
        ("el8-py39", "3.9", "manylinux_2_28_x86_64", "20.2.4"),
        ("el9", "3.9", "manylinux_2_34_x86_64", "21.2.3"),
        ("el10", "3.12", "manylinux_2_39_x86_64", "23.3.2"),
        ("el9-py311-aarch64", "3.11", "manylinux_2_34_aarch64", "22.3.1"),
        ("el9-aarch64", "3.9", "manylinux_2_34_aarch64", "21.2.3"),
        ("el9-py313t", "3.13t", "manylinux_2_34_x86_64", None),
        ("ubuntu24.04", "3.12", "manylinux_2_39_x86_64", "24.0"),
        ("macos14-arm64-py312", "3.12", "macosx_14_0_arm64", None),
    ],
)
def test_names(name: str, python: str, platform: str, pip: str | None) -> None:
    target = presets.target(name)
    assert (target.python, target.platform, target.pip) == (python, platform, pip)
    assert target.name == name.replace(".", "")


def test_every_row_is_sound() -> None:
    for name in presets.names():
        target = presets.target(name)
        assert platforms.parse(target.platform).tag == target.platform
        assert target.python_full.startswith(target.python + ".")
        image = presets.builder_image(target)
        if image is not None:
            family = image.rpartition("/")[2]
            assert platforms.parse(family).version <= platforms.parse(target.platform).version
    assert all(preset.source for preset in presets.presets().values())


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("el11", "el1"),
        ("ubunto24.04", "ubuntu2404"),
        ("el9-py27", "el9-py"),
        ("el9-aarhc64", "el9-aarch64"),
    ],
)
def test_unknown_preset_names_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        presets.target(wrong)
    assert caught.value.hint
    assert f"'{meant}" in caught.value.hint


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("manylinx_2_28_x86_64", "manylinux_2_28_x86_64"),
        ("manylinux-2.28-x86_64", "manylinux_2_28_x86_64"),
        ("manylinux_2_28_amd64", "manylinux_2_28_"),
        ("macos_11_0_arm64", "macosx_11_0_arm64"),
        ("manylinux_3_0_x86_64", "manylinux_2_"),
        ("macosx_10_15_arm64", "macosx_1"),
    ],
)
def test_unknown_platform_names_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        platforms.parse(wrong)
    assert caught.value.hint
    assert caught.value.hint.startswith(f"did you mean '{meant}")


def test_a_python_of_ones_own_is_a_late_one() -> None:
    assert presets.target("el9-py310").python_full == "3.10.19"
    assert presets.late_release("3.13t") == "3.13.9"
    assert presets.late_release("3.15") == "3.15.0"


def test_images() -> None:
    assert presets.builder_image(presets.target("el9")) == "quay.io/pypa/manylinux_2_34_x86_64"
    assert presets.builder_image(presets.target("debian12-aarch64")) == "quay.io/pypa/manylinux_2_28_aarch64"
    assert presets.host_image(presets.target("el8")) == "registry.access.redhat.com/ubi8/ubi"
    assert presets.builder_image(presets.target("macos-arm64")) is None
