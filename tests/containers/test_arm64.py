"""Another CPU: compiled and proven under qemu's user emulation, where this machine has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.build_units import unit
from tests.support.images import BuildAll, Image
from tests.support.installers import pip_wheel
from tests.support.sdists import extension, sdist
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Command, Limits
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.prove import container as proof
from wheelyard.prove.model import Bring, Subject
from wheelyard.store.blobs import Store
from wheelyard.targets.commands import Route
from wheelyard.toolchain.container import find_toolchain

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("containers")]

ARM64 = Target(name="arm", python="3.9", python_full="3.9.2", platform="manylinux_2_31_aarch64")
_ATOMICS, _SVE = 1 << 8, 1 << 22
"""Of what the kernel says that a CPU has (AT_HWCAP): mandatory from Armv8.1 on, and an extension of few."""


def hardware(host: proof.Host, folder: Path) -> int:
    """Return AT_HWCAP, as a proof's programs are told it."""
    argv = (host.python.path, "-c", "import ctypes; print(ctypes.CDLL(None).getauxval(16))")
    limits, log = Limits(seconds=600), folder / "hardware.log"
    done = host.sandbox.run(Command(argv=argv, cwd=Path("/"), env=host.variables, limits=limits, log=log))
    return int(done.output)


def test_a_wheel_for_arm64_is_compiled_and_proven(
    tmp_path: Path, store: Store, image: Image, build: BuildAll, emulation: None
) -> None:
    # The compiler comes by `image-packages`, so one image is enough to build and to prove in.
    plain = image("host", "arm64", "bullseye")
    toolchain = find_toolchain(BuildSettings(), ARM64, plain)
    recipe = Recipe(image_packages=("gcc", "libc6-dev", "python3-dev"))
    made = unit(
        sdist(tmp_path, "arm", arm__c=extension("arm", answer="sizeof(void *)")),
        store,
        toolchain.identity,
        target=ARM64,
        recipe=recipe,
    )

    wheel = build(toolchain, [made], limits=Limits(seconds=600))[made.key]

    assert wheel.filename.endswith("_aarch64.whl")
    found = proof.find_host(BuildSettings(), ARM64, plain)
    pip = pip_wheel("23.3.2")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    subject = Subject(
        folder="arm",
        route=Route(folder="arm", python="python3"),
        wheels={wheel.filename: store.path(wheel.sha256)},
        requirements_txt=f"arm==1.0 --hash=sha256:{wheel.sha256}\n",
        brought={"arm": Bring(modules=["arm"])},
        pip=(pip.name, store.path(store.add_file(pip))),
    )
    said = proof.prove(subject, found, scratch=scratch, log=tmp_path / "proof.log")
    assert (said.outcome, said.installed, said.imported) == ("proven", 1, 1), said.reason
    if found.emulated:
        assert hardware(found, tmp_path) & (_ATOMICS | _SVE) == 0, "a CPU of the oldest level"
