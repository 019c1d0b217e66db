"""Zig in a container: the image's Python runs the backend, this machine's Zig compiles for another system.

For a Mac, from the lock to the wheelhouse, ``tests/cross/test_build_requirements.py`` does the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.build_units import unit
from tests.support.cross_targets import cross
from tests.support.greeting import greeting
from tests.support.images import Image
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.command import Limits
from wheelyard.domain.events import silent
from wheelyard.domain.settings import BuildSettings
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains
from wheelyard.toolchain.zig.toolchain import ZigToolchain, zig_in_image
from wheelyard.wheels.objects.check import objects

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("containers")]


@pytest.fixture
def store(zig_store: Store) -> Store:
    return zig_store


def built(sdist: Path, toolchain: ZigToolchain, store: Store) -> BuiltWheel:
    made = unit(sdist, store, toolchain.identity, target=toolchain.target)
    return build_all(
        [made],
        store=store,
        toolchain_for=lambda _: toolchain,
        limits=Limits(seconds=600),
        jobs=1,
        fail_fast=True,
        report=silent,
    )[made.key]


def test_built_repaired_and_checked(tmp_path: Path, store: Store, image: Image) -> None:
    toolchain = zig_in_image(cross("musllinux_1_2_x86_64", "3.11"), store, BuildSettings(), image("builder"))
    before = "#include <stdio.h>\n#ifdef __GLIBC__\n#error this machine's headers\n#endif"

    wheel = built(greeting(tmp_path, before=before), toolchain, store)

    assert wheel.filename == "greeting-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"
    assert "wheelyard-builder:bookworm" in wheel.sandbox
    found = dict(objects(store.path(wheel.sha256)))
    assert len(found) == 2
    assert "greeting.cpython-311-x86_64-linux-musl.so" in found
    content = store.path(wheel.sha256).read_bytes()
    assert str(store.root).encode() not in content


def test_what_build_requirements_run_on(store: Store, image: Image, tmp_path: Path) -> None:
    target = cross("macosx_11_0_arm64", "3.11", image=image("builder"))
    toolchains = Toolchains(BuildSettings(), Store(tmp_path / "cache"), silent)
    found = toolchains.builds_on(target)
    assert found is not None
    machine, identity = found
    assert (machine.platform, machine.python, machine.build.toolchain) == ("manylinux_2_36_x86_64", "3.11", None)
    assert machine.build.image == toolchains(target).image_pin
    assert identity in str(machine.build.image)
    assert identity in toolchains(target).identity
