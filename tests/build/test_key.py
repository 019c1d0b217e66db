from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wheelyard.build import records
from wheelyard.build.key import build_key
from wheelyard.build.unit import recipes_of
from wheelyard.config.model import Config, PackageRule
from wheelyard.domain.build import BuiltWheel, Recipe
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.target import BuildHost, Target
from wheelyard.store.blobs import Store
from wheelyard.toolchain.identity import local_toolchain

WHEEL = LockedFile(filename="tool-1.0-py3-none-any.whl", sha256="b" * 64)
TOOL = LockedPackage(name="tool", version="1.0", file=WHEEL, reason="")
PACKAGE = LockedPackage(
    name="demo",
    version="1.0",
    file=LockedFile(filename="demo-1.0.tar.gz", sha256="a" * 64, url="one place"),
    reason="because",
    build_requirements=(TOOL,),
)
TARGET = Target(name="here", python="3.12", python_full="3.12.1", platform="manylinux_2_28_x86_64")


def key(package: LockedPackage = PACKAGE, target: Target = TARGET, recipe: Recipe | None = None, **more: object) -> str:
    return build_key(package, target, recipe or Recipe(), str(more.pop("toolchain", "gcc 1")), **more)  # type: ignore[arg-type]


def test_what_does_not_count() -> None:
    moved = replace(PACKAGE, reason="other", via=("x",), file=replace(PACKAGE.file, url="elsewhere", index="mirror"))
    assert key(moved) == key()
    assert key(target=replace(TARGET, name="other", pip="9.0.3", build=BuildHost(interpreter="anywhere"))) == key()
    one = Recipe(environment={"A": "1", "B": "2"})
    assert key(recipe=one) == key(recipe=Recipe(environment={"B": "2", "A": "1"}))


def test_what_counts(tmp_path: Path) -> None:
    patch = tmp_path / "a.patch"
    patch.write_text("one")
    keys = {
        key(),
        key(replace(PACKAGE, version="1.1")),
        key(replace(PACKAGE, file=replace(PACKAGE.file, sha256="c" * 64))),
        key(replace(PACKAGE, expects="binary")),
        key(replace(PACKAGE, build_requirements=(replace(TOOL, file=replace(WHEEL, sha256="d" * 64)),))),
        key(replace(PACKAGE, build_requirements=(replace(TOOL, for_target=replace(WHEEL, sha256="d" * 64)),))),
        key(replace(PACKAGE, build_requirements=())),
        key(target=replace(TARGET, python="3.13")),
        key(target=replace(TARGET, platform="manylinux_2_17_x86_64")),
        key(target=replace(TARGET, build=BuildHost(toolchain="zig"))),
        key(target=replace(TARGET, cpu_level="x86-64-v2")),
        key(recipe=Recipe(dispatched=("_avx2$",))),
        key(recipe=Recipe(environment={"CFLAGS": "-O3"})),
        key(recipe=Recipe(config_settings={"a": "b"})),
        key(recipe=Recipe(config_settings={"a": ("b",)})),
        key(recipe=Recipe(patches=(patch,))),
        key(recipe=Recipe(image_packages=("libfoo-dev",))),
        key(recipe=Recipe(local_version="v3")),
        key(recipe=Recipe(variant={"blas": "mkl"})),
        key(toolchain="gcc 2"),
        key(requires=("e" * 64,)),
        key(repairer="auditwheel 2"),
        key(epoch=1),
    }
    assert len(keys) == 23
    before = key(recipe=Recipe(patches=(patch,)))
    patch.write_text("two")
    assert key(recipe=Recipe(patches=(patch,))) != before


def test_the_key_is_kept_from_version_to_version() -> None:
    """A key that changes unseen builds everything again: raise ``FORMAT`` and this digest with purpose."""
    assert key() == "a46a94ec6b7418eef30569fc9947d5b2b230225b0ad55189741a6c2077eb3292"


def test_the_toolchain_of_this_machine() -> None:
    assert local_toolchain().count(",") >= 2
    assert local_toolchain() == local_toolchain()


def test_recipes_of_a_configuration(tmp_path: Path) -> None:
    rule = PackageRule(name="demo", environment={"A": "1"}, patches=(Path("patches/a.patch"),), image_packages=("x",))
    config = Config(path=tmp_path / "wheelyard.toml", requirements=(), packages={"demo": rule})
    recipe = recipes_of(config)["demo"]
    assert recipe.patches == (tmp_path / "patches/a.patch",)
    assert (recipe.environment, recipe.image_packages) == ({"A": "1"}, ("x",))


def test_records(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = store.add_bytes(b"wheel")
    built = BuiltWheel(key="f" * 64, filename="demo.whl", sha256=digest, size=5, grafted=("liba.so",), seconds=1.5)
    assert records.load(store, built.key) is None
    records.save(store, built, "demo")
    assert records.load(store, built.key) == built
    assert records.seconds(store, "demo") == 1.5
    assert records.seconds(store, "other") is None
    (tmp_path / "builds" / f"{built.key}.json").write_text("{")
    assert records.load(store, built.key) is None


@pytest.mark.parametrize("wrong", ['{"key": "x"}', "[]", '{"grafted": null}', ""])
def test_damaged_records_are_no_records(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "builds" / f"{'f' * 64}.json"
    path.parent.mkdir()
    path.write_text(wrong)
    assert records.load(Store(tmp_path), "f" * 64) is None
