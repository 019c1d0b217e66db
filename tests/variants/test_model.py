"""``[[variant]]`` tables: what they become, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from tests.support.variant_tables import load_variants
from tests.support.variant_tables import variant as one
from wheelyard.domain.errors import ConfigError, Failures
from wheelyard.domain.variant import Variant
from wheelyard.variants.model import NAME


def test_a_table_as_the_manual_has_it() -> None:
    found = one(name="v3-mkl", blas="mkl", threads="openmp", simd="x86-64-v3", packages=["NumPy", "scipy", "numpy"])
    assert found == Variant(
        name="v3-mkl",
        packages=("numpy", "scipy"),
        choice={"blas": "mkl", "threads": "openmp", "simd": "x86-64-v3"},
        local_version="mkl.openmp.v3",
        where="wheelyard.toml: [[variant]] no. 1",
    )


def test_a_matrix_expands_in_order() -> None:
    table = {"name": "fast", "blas": ["openblas", "mkl"], "simd": ["x86-64-v3", "zen3"], "packages": ["numpy"]}
    found = load_variants([table])
    assert [each.name for each in found] == ["fast-openblas-v3", "fast-openblas-zen3", "fast-mkl-v3", "fast-mkl-zen3"]
    assert [each.local_version for each in found] == ["openblas.v3", "openblas.zen3", "mkl.v3", "mkl.zen3"]


def test_tables_whose_lists_are_frozen() -> None:
    assert len(load_variants(({"simd": ("x86-64-v2", "x86-64-v3"), "packages": ("numpy",)},))) == 2


def test_without_a_name_the_choice_is_the_name() -> None:
    assert one(blas="mkl", simd="x86-64-v4").name == "mkl-v4"
    assert one(simd="armv8.2-a").name == "armv8_2-a"


@pytest.mark.parametrize("level", ["x86-64-v3", "skylake_avx512", "armv8.2-a", "neoverse_n1", "baseline"])
@pytest.mark.parametrize("threads", [None, "openmp"])
def test_every_label_is_in_its_normal_form_already(level: str, threads: str | None) -> None:
    found = one(blas="openblas64", simd=level, **({"threads": threads} if threads else {}))
    assert str(Version(f"1.0+{found.local_version}")) == f"1.0+{found.local_version}"
    assert NAME.fullmatch(found.name)


def test_the_label_does_not_tell_the_name() -> None:
    assert one(name="a", blas="mkl").local_version == one(name="b", blas="mkl").local_version == "mkl"


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown key": ({"blass": "mkl"}, "unknown key", "no. 1 blass"),
    "unknown BLAS": ({"blas": "atlas"}, "'atlas' is none of", "no. 1 blas"),
    "unknown threads": ({"blas": "mkl", "threads": "tbb"}, "'tbb' is none of", "no. 1 threads"),
    "unknown level": ({"simd": "x86-64-v5"}, "archspec", "no. 1 simd"),
    "no choice": ({"name": "empty"}, "chooses nothing", "no. 1"),
    "baseline only": ({"simd": "baseline"}, "chooses nothing", "no. 1"),
    "threads of nothing": ({"simd": "x86-64-v3", "threads": "openmp"}, "threads without a BLAS", "threads"),
    "bad name": ({"name": "V3", "blas": "mkl"}, "cannot name a folder", "no. 1 name"),
    "name with a dot": ({"name": "v3.mkl", "blas": "mkl"}, "cannot name a folder", "name"),
    "name as a number": ({"name": 3, "blas": "mkl"}, "expected text", "name"),
    "no packages": ({"blas": "mkl", "packages": []}, "no packages", "packages"),
    "packages as a number": ({"blas": "mkl", "packages": 3}, "a list of texts", "packages"),
    "an empty list": ({"blas": [], "simd": "x86-64-v3"}, "the list is empty", "blas"),
    "a list with a number": ({"simd": [3]}, "expected text", "simd"),
    "twice the same": ({"simd": ["x86-64-v3", "x86-64-v3"]}, "twice", "simd"),
    "two spellings of the same": ({"simd": ["x86-64-v3", "x86_64_v3"]}, "there twice", "no. 1"),
    "share-blas as text": ({"blas": "openblas", "share-blas": "yes"}, "true or false", "share-blas"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_tables_are_named(what: str) -> None:
    table, words, place = WRONG[what]
    with pytest.raises(ConfigError, match=words) as caught:
        one(**table)
    assert place in (caught.value.where or "")
    assert caught.value.hint


def test_all_wrong_tables_are_shown_at_once() -> None:
    tables: list[object] = ["v3", {"packages": ["numpy"]}, {"name": "good", "blas": "mkl", "packages": ["numpy"]}]
    with pytest.raises(Failures) as caught:
        load_variants(tables)
    assert ["no. 1" in str(caught.value.errors[0]), "no. 2" in str(caught.value.errors[1])] == [True, True]


def test_two_tables_of_one_name() -> None:
    table = {"name": "same", "blas": "mkl", "packages": ["numpy"]}
    with pytest.raises(ConfigError, match="there twice") as caught:
        load_variants([table, table])
    assert "no. 1" in (caught.value.hint or "")
