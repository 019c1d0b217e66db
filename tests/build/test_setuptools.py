"""Real sdists with the real setuptools of two ages, from the index that pip is configured for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.downloads import download, locked
from tests.support.packages import make_sdist
from tests.support.sandboxes import working
from tests.support.sdists import extension
from wheelyard.build import environment, frontend
from wheelyard.build.unit import units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.target import BuildHost
from wheelyard.store.blobs import Store
from wheelyard.targets.here import this_machine
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.identity import local_toolchain
from wheelyard.toolchain.local import LocalToolchain

pytestmark = [pytest.mark.network, pytest.mark.slow]


SETUP = """\
from setuptools import Extension, setup
setup(name="demo", version="1.0", python_requires=">=3.6", install_requires=["six"],
      py_modules=["pure"], ext_modules=[Extension("demo", ["demo.c"])])
"""


@pytest.mark.parametrize(
    ("python", "needed", "dynamic"),
    [
        ("3.6", ["setuptools==59.6.0", "wheel==0.37.1"], ("wheel",)),
        ("3.13", ["setuptools==80.9.0"], ()),
    ],
)
def test_setup_py(tmp_path: Path, python: str, needed: list[str], dynamic: tuple[str, ...]) -> None:
    sandbox = working("bubblewrap")
    target = replace(this_machine(), python=python, python_full=f"{python}.0", build=BuildHost())
    interpreter = find(target)
    if interpreter is None:
        pytest.skip(f"there is no Python {python}")
    store = Store(tmp_path / "store")
    needs = tuple(locked(store, path) for path in download(tmp_path, python, *needed))
    source = make_sdist(tmp_path, "demo", "1.0", {"setup.py": SETUP, "demo.c": extension("demo"), "pure.py": ""})
    package = locked(store, source, needs)
    (unit,) = units_of((package,), target, {}, local_toolchain())
    built = build_all(
        [unit],
        store=store,
        toolchain_for=lambda _: LocalToolchain(
            python=Path(interpreter.path), identity=local_toolchain(), local=sandbox
        ),
        limits=Limits(seconds=600),
        jobs=1,
        fail_fast=False,
        report=lambda _: None,
    )[unit.key]
    assert "manylinux" in built.filename
    assert f"cp{python.replace('.', '')}" in built.filename

    # The metadata of such an sdist, and what it needs, by its hooks.
    with frontend.workspace(unit.key) as root:
        tree = frontend.unpack_sdist(source, root / "src")
        assert any("setuptools" in line for line in frontend.declared_requirements(tree))
        wheels = {need.file.filename: store.path(need.file.sha256) for need in needs}
        venv = environment.create(
            root / "env", Path(interpreter.path), wheels, sandbox, log=tmp_path / "log", root=root
        )
        place = frontend.Workspace(
            root=root,
            source=tree,
            python=venv,
            interpreter=environment.seen_from(venv, root),
            sandbox=sandbox,
            log=tmp_path / "log",
            recipe=Recipe(),
        )
        assert frontend.dynamic_requirements(place) == dynamic
        assert b"Requires-Dist: six" in frontend.prepare_metadata(place)
