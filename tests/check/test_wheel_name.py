"""A wheel's file name as a value."""

from __future__ import annotations

import pytest
from packaging.utils import parse_wheel_filename

from wheelyard.domain import wheel_name

NAMES = [
    "numpy-1.26.4-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "Foo_Bar-1.0+local.1-2b-py2.py3-none-any.whl",
]


@pytest.mark.parametrize("filename", NAMES)
def test_it_says_what_packaging_reads(filename: str) -> None:
    wheel = wheel_name.parse(filename)
    assert str(wheel) == filename
    name, version, build, tags = parse_wheel_filename(filename)
    assert (wheel.project, wheel.parsed_version, wheel.tag_set) == (name, version, tags)
    assert set(wheel.tags) == set(map(str, tags))
    assert wheel.build_number == (build or (-1, ""))


@pytest.mark.parametrize("filename", NAMES)
def test_a_label_is_told_from_a_build_tag(filename: str) -> None:
    labelled = filename.replace(".whl", "-x86_64_v3.whl")
    wheel = wheel_name.parse(labelled)
    assert (wheel.label, str(wheel)) == ("x86_64_v3", labelled)
    assert str(wheel.unlabelled) == wheel_name.unlabelled(labelled) == filename


@pytest.mark.parametrize(
    "filename",
    ["", "demo", "demo.whl", "demo-1.0-py3-none.whl", "demo-one-py3-none-any.whl", "a/demo-1.0-py3-none-any.whl"],
)
def test_what_is_no_name_is_refused(filename: str) -> None:
    with pytest.raises(wheel_name.InvalidWheelFilename):
        wheel_name.parse(filename)
    assert wheel_name.unlabelled(filename) == filename
