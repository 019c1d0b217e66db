"""A build requirement that is compiled itself is compiled for the machine that builds, never for the target."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.cross_targets import cross
from tests.support.greeting import BACKEND, PYPROJECT, greeting
from tests.support.images import Image
from tests.support.packages import make_sdist, metadata
from tests.support.yard import Yard
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find

pytestmark = pytest.mark.xdist_group("cross")

CONFIGURATION = """
requirements = ["requirements.in"]

[[target]]
name = "mac"
python = "{python}"
platform = "macosx_11_0_arm64"
toolchain = "zig"
{image}
"""
# What it says was made by an extension module that ran while this one was compiled.
MODULE = """
import greeting

with open("app.c", "w") as stream:
    stream.write("const char *said(void) { return \\"%s\\"; }" % greeting.hello(sys.platform))
    stream.write(" void *PyInit_app(void) { return 0; }")
LINK = False
"""


def app(folder: Path) -> None:
    """Write an sdist that only builds where the module ``greeting`` can be imported."""
    backend = BACKEND.replace("greeting", "app") % {"install_name": "", "metadata": metadata("app", "1.0")}
    project = PYPROJECT.replace("requires = []", 'requires = ["greeting"]')
    make_sdist(folder, "app", "1.0", {"pyproject.toml": project, "backend.py": backend + MODULE})


def test_is_compiled_for_the_machine_that_builds(yard: Yard, store: Store) -> None:
    if find(cross("macosx_11_0_arm64", "3.12")) is None or shutil.which("bwrap") is None:
        pytest.skip("needs Python 3.12 and bubblewrap")
    built = run(yard, store, python="3.12")
    assert sum("greeting-1.0-cp312-cp312-manylinux" in each for each in built) == 1


@pytest.mark.container
@pytest.mark.slow
def test_and_in_its_image(yard: Yard, store: Store, image: Image) -> None:
    built = run(yard, store, python="3.11", image=image("builder"))
    assert sum("greeting-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl" in each for each in built) == 1
    assert all("wheelyard-builder" in each for each in built)


def run(yard: Yard, store: Store, *, python: str, image: str = "") -> list[str]:
    """Build ``app`` for a Mac, and return the records of what was built."""
    greeting(yard.shop)
    app(yard.shop)
    (yard.root / "requirements.in").write_text("app\n")
    named = f'image = "{image}"' if image else ""
    (yard.root / "wheelyard.toml").write_text(CONFIGURATION.format(python=python, image=named))
    cache = yard.root / "cache"
    cache.mkdir()
    store.area("zig").mkdir(parents=True, exist_ok=True)
    (cache / "zig").symlink_to(store.area("zig"))  # what Zig compiled for the other tests

    yard.build(HOME=str(Path.home()))

    (wheel,) = (yard.wheelhouse / "targets" / "mac").glob("*.whl")
    short = python.replace(".", "")
    assert wheel.name == f"app-1.0-cp{short}-cp{short}-macosx_11_0_arm64.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert b"hello, darwin" in archive.read(f"app.cpython-{short}-darwin.so")
    built = [path.read_text() for path in (cache / "builds").glob("*.json")]
    assert len(built) == 2
    return built
