"""A variant for another CPU: the level is Arm's, the BLAS is the target's own, and nothing of it runs here."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.support.variant_yard import RECIPE, Yard, needs_compiler
from wheelyard.targets.here import this_machine
from wheelyard.variants import finish
from wheelyard.variants.axes.blas import identity
from wheelyard.wheels.objects.members import objects_of

pytestmark = [*needs_compiler, pytest.mark.slow]

ARM = """
[[target]]
name = "arm"
python = "{python}"
platform = "manylinux_2_28_aarch64"
toolchain = "zig"

[[variant]]
blas = "openblas"
simd = "armv8.2-a"
packages = ["blasdemo"]
"""


def test_openblas_for_arm(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    yard = Yard(root=tmp_path / "yard", cache=tmp_path / "cache")

    done = yard.build(RECIPE + ARM.format(python=this_machine().python))

    assert done.code == 0, done.out + done.err
    folder = "arm.openblas-armv8_2-a"
    wheel = yard.wheel(folder)
    assert wheel.name.startswith("blasdemo-1.0+openblas.armv8.2.a-cp")
    cpus = {name: ELFFile(io.BytesIO(content)).get_machine_arch() for name, content in objects_of(wheel)}
    assert set(cpus.values()) == {"AArch64"}
    assert {name for binary in identity.binaries(wheel) if binary.grafted for name in binary.blas} == {"openblas"}
    note = finish.read_note(wheel)
    assert note is not None
    assert note["variant"] == {"blas": "openblas", "simd": "armv8.2-a"}
    assert done.notes("prove")[folder] == "not run here: armv8.2-a is for aarch64, this machine is x86_64"
