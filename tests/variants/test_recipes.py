"""From a variant to what a build is told: data for every build system, and for packages by version."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.support.variant_tables import load_recipes, variant
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import ConfigError, VariantError
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Variant
from wheelyard.variants.axes.blas.sources import UNKNOWN, version_of
from wheelyard.variants.axes.protocol import Compiler
from wheelyard.variants.book import Book, builtin
from wheelyard.variants.finish import provided
from wheelyard.variants.recipes import VariantRecipe, make_recipe, prepare

EL9 = Target(name="el9", python="3.12", python_full="3.12.0", platform="manylinux_2_34_x86_64")
ARM = Target(name="arm", python="3.12", python_full="3.12.0", platform="manylinux_2_34_aarch64")
MAC = Target(name="mac", python="3.12", python_full="3.12.0", platform="macosx_11_0_arm64")


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that has the files that it is said to have."""

    has: Callable[[str], bool] = lambda path: True
    digest: str = "aa"
    gcc: str = "12.2.0"
    installed: str = ""
    installs: bool = False

    def with_packages(self, packages: Sequence[str]) -> Image:
        return self

    def digests(self, paths: Sequence[str]) -> Mapping[str, str]:
        return {path: self.digest for path in paths if self.has(path)}

    def version(self, texts: Sequence[str]) -> str:
        return self.installed

    def compiler(self, where: str) -> Compiler:
        return Compiler(name="gcc", version=self.gcc)


def make(chosen: Variant, package: str = "numpy", version: str = "2.4.0", **more: Any) -> VariantRecipe:
    given: dict[str, Any] = {
        "backend": "mesonpy",
        "target": EL9,
        "image": Image(),
        "book": builtin(),
        "base": Recipe(),
        "locked": {},
        **more,
    }
    return make_recipe(chosen, package=package, version=version, **given)


def required(**table: Any) -> tuple[str, ...]:
    return prepare(variant(**table), EL9, Image(), "here").build_requirements


@pytest.mark.parametrize(
    ("version", "level", "word"),
    [
        ("2.4.6", "x86-64-v3", "X86_V3"),
        ("2.4.0rc1", "x86-64-v4", "X86_V4"),
        ("2.3.5", "x86-64-v3", "AVX2 FMA3 F16C"),
        ("1.26.4", "x86-64-v4", "AVX512_SKX"),
        ("2.3.5", "zen3", "AVX2 FMA3 F16C"),
    ],
)
def test_numpy_names_its_cpu_features_by_version(version: str, level: str, word: str) -> None:
    made = make(variant(blas="openblas", simd=level), version=version).recipe
    assert made.config_settings["setup-args"] == (
        "-Dblas=scipy-openblas",
        "-Dlapack=scipy-openblas",
        "-Dallow-noblas=false",
        f"-Dcpu-baseline={word}",
    )
    assert "CFLAGS" not in made.environment, "numpy's option and flags would fight"


def test_scipy_takes_flags_only() -> None:
    made = make(variant(blas="mkl", threads="sequential", simd="x86-64-v3"), package="scipy", version="1.16.0")
    assert made.recipe.config_settings["setup-args"] == ("-Dblas=mkl-static-lp64-seq", "-Dlapack=mkl-static-lp64-seq")
    assert made.recipe.environment["CFLAGS"] == "-march=x86-64-v3 -mtune=generic"
    assert required(blas="mkl", threads="sequential", simd="x86-64-v3") == ("mkl-static", "mkl-include")
    (warning,) = made.warnings
    assert "passed on" in warning


@pytest.mark.parametrize(
    ("version", "blas", "spelt"),
    [
        ("1.17.1", "openblas", "openblas"),
        ("1.17.1", "mkl", "mkl-static-lp64-gomp"),
        ("1.18.0", "openblas", "scipy-openblas"),
    ],
)
def test_scipy_knows_the_wheel_of_openblas_by_a_name_of_its_own(version: str, blas: str, spelt: str) -> None:
    made = make(variant(blas=blas), package="scipy", version=version).recipe
    assert made.config_settings["setup-args"] == (f"-Dblas={spelt}", f"-Dlapack={spelt}")
    assert list(made.pkg_config) == ["scipy-openblas" if blas == "openblas" else spelt], "what pkg-config knows stays"


def test_openblas_with_long_integers() -> None:
    made = make(variant(blas="openblas64")).recipe
    assert "-Duse-ilp64=true" in made.config_settings["setup-args"]
    assert "HAVE_BLAS_ILP64" in made.pkg_config["scipy-openblas"]
    with pytest.raises(VariantError, match="64-bit integers"):
        make(variant(blas="openblas64"), package="scipy", version="1.16.0")


@pytest.mark.parametrize(
    ("backend", "name", "value"),
    [
        ("setuptools.build_meta", "CFLAGS", "-march=x86-64-v3 -mtune=generic"),
        ("scikit_build_core.build", "CXXFLAGS", "-march=x86-64-v3 -mtune=generic"),
        ("maturin", "RUSTFLAGS", "-C target-cpu=x86-64-v3"),
        ("mesonpy", "FFLAGS", "-march=x86-64-v3 -mtune=generic"),
    ],
)
def test_every_build_system_takes_a_level(backend: str, name: str, value: str) -> None:
    made = make(variant(simd="x86-64-v3"), package="anything", version="1.0", backend=backend)
    assert made.recipe.environment[name] == value
    assert made.recipe.local_version == "v3"
    assert made.recipe.variant == {"simd": "x86-64-v3"}


def test_cmake_has_a_way_of_its_own_for_blas() -> None:
    made = make(variant(blas="blis"), package="anything", backend="scikit_build_core.build").recipe
    assert made.config_settings["cmake.define.BLAS_LIBRARIES"] == "{blas-list}", "known when pkg-config can be asked"


@pytest.mark.parametrize(
    ("threads", "name", "libraries"),
    [
        (None, "mkl-shared-lp64-iomp", {"libmkl_core.so.3", "libiomp5.so"}),
        ("sequential", "mkl-shared-lp64-seq", {"libmkl_core.so.3"}),
    ],
)
def test_mkl_from_its_own_wheel(threads: str | None, name: str, libraries: set[str]) -> None:
    given = {"threads": threads} if threads else {}
    made = make(variant(blas="mkl", **given, **{"share-blas": True}))
    assert required(blas="mkl", **given, **{"share-blas": True}) == ("mkl", "mkl-devel")
    assert list(made.recipe.pkg_config) == [name]
    known = {"libmkl_core.so.3", "libiomp5.so", "libgomp.so.1"}
    assert {each for each in known if any(fnmatch(each, wanted) for wanted in provided(made.recipe))} == libraries


@pytest.mark.parametrize(("blas", "left"), [("flexiblas", ("libflexiblas*.so.*",)), ("openblas", ()), ("mkl", ())])
def test_what_is_the_hosts_is_left_to_the_host(blas: str, left: tuple[str, ...]) -> None:
    assert provided(make(variant(blas=blas)).recipe) == left


def test_what_the_configuration_says_is_kept() -> None:
    base = Recipe(environment={"CFLAGS": "-g", "A": "b"}, config_settings={"setup-args": ("-Dx=y",)})
    made = make(variant(blas="openblas", simd="x86-64-v3"), package="scipy", version="1.16.0", base=base).recipe
    assert made.environment["CFLAGS"] == "-g -march=x86-64-v3 -mtune=generic"
    assert made.environment["A"] == "b"
    assert made.config_settings["setup-args"][0] == "-Dx=y"


def test_a_user_adds_a_package() -> None:
    raw = [{"package": "My_Demo", "versions": ">=1", "blas": {"environment": {"DEMO": "use {blas}"}}}]
    book = load_recipes(raw)
    made = make(variant(blas="netlib"), package="my-demo", version="1.2", backend="setuptools.build_meta", book=book)
    assert made.recipe.environment["DEMO"] == "use netlib"
    with pytest.raises(VariantError, match="which BLAS"):
        make(variant(blas="netlib"), package="my-demo", version="0.9", backend="setuptools.build_meta", book=book)


def test_a_user_overrides_a_recipe_of_ours() -> None:
    book = load_recipes([{"package": "numpy", "simd": {"environment": {"X": "{cflags}"}}}])
    assert make(variant(simd="x86-64-v3"), book=book).recipe.environment == {"X": "-march=x86-64-v3 -mtune=generic"}


def test_the_library_is_found_where_the_image_has_it() -> None:
    fedora = {"/usr/lib64/libblas.so", "/usr/lib64/libcblas.so", "/usr/lib64/liblapack_pic.a"}
    made = make(variant(blas="netlib"), image=Image(has=fedora.__contains__)).recipe
    assert "-lcblas" in made.pkg_config["netlib"]
    debian = make(variant(blas="netlib"), target=ARM).recipe
    assert "/usr/lib/aarch64-linux-gnu" in debian.pkg_config["netlib"]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no recipe for the backend": ({"simd": "x86-64-v3"}, {"package": "x", "backend": "flit_core.buildapi"}, "backend"),
    "no recipe for a BLAS": ({"blas": "mkl"}, {"package": "x", "backend": "setuptools.build_meta"}, "which BLAS"),
    "another architecture": ({"simd": "x86-64-v3"}, {"target": ARM}, "the target is aarch64"),
    "MKL for Arm": ({"blas": "mkl"}, {"target": ARM}, "no Intel oneMKL"),
    "Accelerate for Linux": ({"blas": "accelerate"}, {}, "no Apple's Accelerate"),
    "OpenBLAS' wheel for macOS": ({"blas": "openblas"}, {"target": MAC}, "no OpenBLAS"),
    "threads it has not": ({"blas": "openblas", "threads": "openmp"}, {}, "threads = 'openmp'"),
    "BLIS in a wheel of its own": ({"blas": "blis", "share-blas": True}, {}, "cannot be shared"),
    "not in the image": ({"blas": "blis"}, {"image": Image(has=lambda path: False)}, "not in the image"),
    "an old compiler": ({"simd": "zen3"}, {"image": Image(gcc="8.5.0")}, "no code for zen3"),
    "no word for the level": ({"simd": "x86-64"}, {}, "numpy has no word for x86-64"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_built_is_refused_by_name(what: str) -> None:
    table, more, words = REFUSED[what]
    with pytest.raises(VariantError, match=words) as caught:
        make(variant(**table), **more)
    assert caught.value.hint
    assert more.get("package", "numpy") in (caught.value.where or "")


@pytest.mark.parametrize(
    ("blas", "manager", "hint"),
    [
        ("flexiblas", "/usr/bin/apt-get", "no package of apt-get is known that brings it: choose another blas"),
        ("flexiblas", "/usr/bin/dnf", "install it there: dnf install flexiblas-devel"),
        ("netlib", "/usr/bin/apt-get", "install it there: apt-get install libblas-dev liblapack-dev"),
        ("netlib", "", "install it there: apt-get install libblas-dev liblapack-dev, or dnf install blas-devel"),
    ],
)
def test_a_library_is_had_from_the_images_own_packages(blas: str, manager: str, hint: str) -> None:
    with pytest.raises(VariantError, match="not in the image") as caught:
        make(variant(blas=blas), image=Image(has=lambda path: path == manager))
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("numpy", "expected a table"),
        ({"package": "x", "blass": {}}, "blass: unknown key"),
        ({"package": "x", "versions": "newest"}, "Invalid specifier"),
        ({"package": "x", "system": "scons"}, "'scons' is not known"),
        ({"package": "x", "blas": {"environment": {"A": []}}}, "environment.A: expected text"),
        ({"package": "x", "blas": {"flags": {}}}, "flags: unknown key"),
        ({"package": "x", "simd": {"config-settings": {"a": 1}}}, "text or a list of texts"),
        ({"package": "x", "levels": {"x86-64-v3": 3}}, "expected text"),
        ({"package": "x", "dispatched": ["("]}, "regular expressions"),
        ({"package": "x", "imports": 3}, "list of texts"),
    ],
)
def test_wrong_recipes_are_named(table: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_recipes([table])
    assert "[[recipe]] no. 1" in (caught.value.where or "")


def test_the_versions_of_one_package_do_not_overlap() -> None:
    book: Book = builtin()
    for package, group in itertools.groupby(book.recipes, key=lambda each: each.package):
        recipes = list(group)
        for version in ("1.11.0", "1.26.0", "1.26.4", "2.0.0", "2.3.5", "2.4.0", "2.4.6", "3.0"):
            fitting = [recipe for recipe in recipes if recipe.versions.contains(version)]
            assert len(fitting) <= 1, f"{package} {version}"


def test_pkg_config_says_the_version_that_is_locked() -> None:
    made = make(variant(blas="openblas"), locked={"scipy-openblas32": "0.3.30"}).recipe
    text = made.pkg_config["scipy-openblas"]
    assert "Version: 0.3.30\n" in text
    assert "{purelib}" in text, "filled in when the build environment exists"


@pytest.mark.parametrize(("installed", "told"), [("0.9.0-1", "0.9.0-1"), ("", None)])
def test_the_version_of_an_images_library_may_not_be_known(installed: str, told: str | None) -> None:
    made = make(variant(blas="blis"), image=Image(installed=installed)).recipe
    assert version_of(made) == told
    assert f"Version: {told or UNKNOWN}\n" in made.pkg_config["blis"]


def test_another_library_in_the_image_is_another_build() -> None:
    one, two = (make(variant(blas="netlib"), image=Image(digest=digest)).recipe for digest in ("aa", "bb"))
    assert one.pkg_config != two.pkg_config
    assert one.pkg_config["netlib"].startswith("# /usr/lib/x86_64-linux-gnu/blas/libblas.so sha256:aa\n")
