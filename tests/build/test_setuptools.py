"""Real sdists with the real setuptools of two ages, from the index that pip is configured for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.build.conftest import working
from tests.build.sources import extension
from tests.simulators.packages import make_sdist
from wheelyard.build import environment, frontend
from wheelyard.build.unit import units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import Limits, Recipe
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.store.blobs import Store
from wheelyard.targets.here import this_machine
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.identity import local_toolchain

pytestmark = [pytest.mark.network, pytest.mark.slow]


SETUP = """\
from setuptools import Extension, setup
setup(name="demo", version="1.0", python_requires=">=3.6", install_requires=["six"],
      py_modules=["pure"], ext_modules=[Extension("demo", ["demo.c"])])
"""


def download(folder: Path, python: str, *requirements: str) -> list[Path]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--dest", str(folder), *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the index has them not: {done.stderr.strip()[-300:]}")
    return sorted(folder.glob("*.whl"))


def locked(store: Store, path: Path, needs: tuple[LockedPackage, ...] = ()) -> LockedPackage:
    name, version = path.name.removesuffix(".tar.gz").removesuffix(".whl").split("-")[:2]
    file = LockedFile(filename=path.name, sha256=store.add_file(path))
    return LockedPackage(
        name=name.lower(),
        version=version,
        file=file,
        reason="",
        build_requirements=needs,
        expects="any" if needs == () else "binary",
    )


@pytest.mark.parametrize(
    ("python", "needed", "dynamic"),
    [
        ("3.6", ["setuptools==59.6.0", "wheel==0.37.1"], ("wheel",)),
        ("3.13", ["setuptools==80.9.0"], ()),
    ],
)
def test_setup_py(tmp_path: Path, python: str, needed: list[str], dynamic: tuple[str, ...]) -> None:
    sandbox = working("bubblewrap")
    target = replace(this_machine(), python=python, python_full=f"{python}.0", interpreter=None)
    interpreter = find(target)
    if interpreter is None:
        pytest.skip(f"there is no Python {python}")
    store = Store(tmp_path / "store")
    needs = tuple(locked(store, path) for path in download(tmp_path, python, *needed))
    source = make_sdist(tmp_path, "demo", "1.0", {"setup.py": SETUP, "demo.c": extension("demo"), "pure.py": ""})
    package = locked(store, source, needs)
    lock = Lock(target=target.name, requires_python="", environment="", requirements_sha256="", packages=(package,))
    (unit,) = units_of(lock, target, {}, local_toolchain())
    built = build_all(
        [unit],
        store=store,
        sandbox_for=lambda _: sandbox,
        interpreter_for=lambda _: Path(interpreter.path),
        limits=Limits(seconds=120),
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
        wheels = {each.file.filename: store.path(each.file.sha256) for each in needs}
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
