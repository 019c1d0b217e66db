"""A build requirement that is compiled itself is compiled for the machine that builds, never for the target."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cross.conftest import cross
from tests.cross.sources import BACKEND, PYPROJECT, greeting
from tests.main_job.conftest import Yard, yard
from tests.simulators.packages import make_sdist, metadata
from wheelyard.build.cross.zig import find_zig
from wheelyard.errors import ToolError
from wheelyard.store.model import Store
from wheelyard.targets.interpreters import find

__all__ = ["yard"]

pytestmark = pytest.mark.xdist_group("cross")

CONFIGURATION = """
requirements = ["requirements.in"]

[build]
sandbox = "bubblewrap"

[[target]]
name = "mac"
python = "3.12"
platform = "macosx_11_0_arm64"
toolchain = "zig"
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
    try:
        find_zig()
    except ToolError as error:
        pytest.skip(str(error))
    if find(cross("macosx_11_0_arm64", "3.12")) is None or shutil.which("bwrap") is None:
        pytest.skip("needs Python 3.12 and bubblewrap")
    greeting(yard.shop)
    app(yard.shop)
    (yard.root / "requirements.in").write_text("app\n")
    (yard.root / "wheelyard.toml").write_text(CONFIGURATION)
    cache = yard.root / "cache"
    cache.mkdir()
    store.area("zig").mkdir(parents=True, exist_ok=True)
    (cache / "zig").symlink_to(store.area("zig"))  # what Zig compiled for the other tests

    yard.build(HOME=str(Path.home()))

    (wheel,) = (yard.wheelhouse / "targets" / "mac").glob("*.whl")
    assert wheel.name == "app-1.0-cp312-cp312-macosx_11_0_arm64.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert b"hello, darwin" in archive.read("app.cpython-312-darwin.so")
    built = [path.read_text() for path in (cache / "builds").glob("*.json")]
    assert sum("macosx_11_0_arm64.whl" in each for each in built) == 1
    assert sum("greeting-1.0-cp312-cp312-manylinux" in each for each in built) == 1
