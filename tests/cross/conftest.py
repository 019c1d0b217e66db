from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tests.build.conftest import working
from tests.containers.units import unit
from wheelyard.build.unit import units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuiltWheel, Limits, Recipe
from wheelyard.domain.errors import ToolError
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.universal2 import FusedToolchain, parts
from wheelyard.toolchain.zig.toolchain import ZigToolchain, zig_toolchain
from wheelyard.toolchain.zig.zig import find_zig

Toolchain = Callable[[Target], ZigToolchain]
Build = Callable[..., BuiltWheel]


def cross(platform: str, python: str = "3.12", **more: str | None) -> Target:
    """A target that is compiled for by Zig."""
    name = f"cp{python.replace('.', '')}-{platform}"
    target = Target(name=name, python=python, python_full=f"{python}.1", platform=platform, toolchain="zig")
    return replace(target, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all tests of a worker; Zig compiles each C library once for all workers."""
    try:
        find_zig()
    except ToolError as error:
        pytest.skip(str(error))
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "zig"
    shared.mkdir(exist_ok=True)
    made = Store(tmp_path_factory.mktemp("store"))
    made.area("zig").symlink_to(shared)
    return made


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
            return FusedToolchain(parts=tuple(toolchain(each) for each in thin)) if thin else toolchain(of)

        identity = found(target).identity
        package = unit(sdist, store, identity, target=target).package
        package = replace(package, build_requirements=needs, expects=expects)
        lock = Lock(target=target.name, requires_python="", environment="", requirements_sha256="", packages=(package,))
        units = units_of(lock, target, {package.name: recipe or Recipe()}, identity)
        return build_all(
            units,
            store=store,
            sandbox_for=lambda each: found(each.target).sandbox(each.recipe),
            interpreter_for=lambda each: found(each.target).python,
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
