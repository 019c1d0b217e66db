"""What a label means, and what may be one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.variant_tables import load_variants, variant
from wheelyard.domain import wheel_name
from wheelyard.domain.errors import ConfigError, VariantError
from wheelyard.stages import labels


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"simd": "x86-64"}, {"x86_64": {"level": "v1"}}),
        ({"simd": "x86-64-v4", "blas": "mkl"}, {"x86_64": {"level": "v4"}, "blas_lapack": {"library": "mkl"}}),
        ({"simd": "armv8.2-a"}, {"aarch64": {"version": "8.2a"}}),
        ({"blas": "openblas"}, {"blas_lapack": {"library": "openblas"}}),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else None,
)
def test_what_a_choice_means(given: dict[str, Any], expected: dict[str, Any]) -> None:
    one = variant(**given)
    ours, *others = labels.properties(one)
    assert (ours.namespace, ours.feature, ours.value) == ("wheelyard", "choice", one.local_version)
    assert {other.namespace: {other.feature: other.value} for other in others} == expected
    assert [other.namespace for other in others] == list(expected), "what a host must have comes first"


def test_a_cpu_by_name_is_nothing_that_an_installer_knows() -> None:
    with pytest.raises(VariantError, match="no installer can tell which CPU has what zen3 has"):
        labels.properties(variant(simd="zen3"))


def test_a_table_lists_what_is_used_and_nothing_else() -> None:
    choices = {each.local_version: labels.properties(each) for each in (variant(blas="mkl"), variant(blas="openblas"))}
    table = json.loads(labels.table(choices))
    assert table["default-priorities"] == {"namespace": ["wheelyard", "blas_lapack"]}
    assert table["providers"] == {
        "wheelyard": {"static-properties": {"choice": ["mkl", "openblas"]}},
        "blas_lapack": {"static-properties": {"library": ["mkl", "openblas"]}},
    }


def test_no_variant_may_be_named_like_the_folder() -> None:
    with pytest.raises(ConfigError, match="folder of variant-wheels"):
        load_variants([{"name": "variants", "simd": "x86-64-v3", "packages": ["numpy"]}])


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a-1-cp39-cp39-linux_x86_64-mkl.v3.whl", "a-1-cp39-cp39-linux_x86_64.whl"),
        ("a-1-2b-cp39-cp39-linux_x86_64-v3.whl", "a-1-2b-cp39-cp39-linux_x86_64.whl"),
        ("a-1-2b-cp39-cp39-linux_x86_64.whl", "a-1-2b-cp39-cp39-linux_x86_64.whl"),
        ("a-1-cp39-cp39-linux_x86_64.whl", "a-1-cp39-cp39-linux_x86_64.whl"),
        ("a-1.tar.gz", "a-1.tar.gz"),
    ],
)
def test_a_label_is_told_from_a_build_tag(name: str, plain: str) -> None:
    assert wheel_name.unlabelled(name) == plain
