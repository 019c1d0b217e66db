from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tests.support.build_units import unit
from tests.support.cross_targets import Build, Toolchain
from tests.support.sandboxes import working
from wheelyard.build.unit import units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuiltWheel, Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.universal2 import FusedToolchain, parts
from wheelyard.toolchain.zig.toolchain import ZigToolchain, zig_toolchain


@pytest.fixture(scope="session")
def toolchain(store: Store) -> Toolchain:
    sandbox = working("bubblewrap")

    def make(target: Target) -> ZigToolchain:
        if find(target) is None:
            pytest.skip(f"there is no Python {target.python}")
        return zig_toolchain(target, store, sandbox)

    return make


@pytest.fixture(scope="session")
def build(store: Store, toolchain: Toolchain) -> Build:
    def one(
        sdist: Path,
        target: Target,
        *,
        recipe: Recipe | None = None,
        needs: tuple[LockedPackage, ...] = (),
        expects: Literal["any", "binary"] = "binary",
    ) -> BuiltWheel:
        def found(of: Target) -> ZigToolchain | FusedToolchain:
            thin = parts(of)
            return FusedToolchain(parts=tuple(toolchain(half) for half in thin)) if thin else toolchain(of)

        identity = found(target).identity
        package = unit(sdist, store, identity, target=target).package
        package = replace(package, build_requirements=needs, expects=expects)
        units = units_of((package,), target, {package.name: recipe or Recipe()}, identity)
        return build_all(
            units,
            store=store,
            toolchain_for=lambda each: found(each.target),
            limits=Limits(seconds=600),
            jobs=1,
            fail_fast=True,
            report=lambda _: None,
        )[units[-1].key]

    return one


@pytest.fixture
def unpacked(store: Store, tmp_path: Path) -> Callable[[BuiltWheel], Path]:
    """Unpack a wheel, and return the folder."""

    def unpack(wheel: BuiltWheel) -> Path:
        folder = tmp_path / wheel.sha256[:12]
        shutil.unpack_archive(store.path(wheel.sha256), folder, "zip")
        return folder

    return unpack


@pytest.fixture(scope="session")
def store(zig_store: Store) -> Store:
    return zig_store
