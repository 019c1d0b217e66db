"""Real packages from the index, compiled for systems that this machine is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.build.test_setuptools import download, locked
from tests.cross.conftest import Build, Toolchain, cross
from wheelyard.build.cross.toolchain import warm
from wheelyard.build.model import Recipe
from wheelyard.check.objects.check import objects
from wheelyard.lock.model import LockedPackage
from wheelyard.store.model import Store
from wheelyard.targets.model import Target

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("cross")]

# Every target once, every Python at least once: the first builds for a platform pay for its C library.
TARGETS = [
    ("macosx_11_0_arm64", "3.12"),
    ("macosx_10_13_x86_64", "3.9"),
    ("manylinux_2_17_x86_64", "3.13"),
    ("manylinux_2_17_aarch64", "3.12"),
    ("musllinux_1_2_x86_64", "3.9"),
    ("macosx_10_13_universal2", "3.12"),
]


def sdist(folder: Path, requirement: str, *flags: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    # pip asks the backend for metadata; without isolation it runs what is here instead of fetching one.
    flags = flags or ("--no-build-isolation",)
    done = subprocess.run(
        [*command, *flags, "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the index has it not: {done.stderr.strip()[-300:]}")
    name = requirement.partition("==")[0].replace("-", "_").lower()
    return next(path for path in folder.glob("*.tar.gz") if path.name.lower().startswith(name))


def environment(store: Store, folder: Path, *requirements: str) -> tuple[LockedPackage, ...]:
    here = f"3.{sys.version_info[1]}"
    (folder / "needs").mkdir(exist_ok=True)
    return tuple(
        replace(locked(store, path), expects="any") for path in download(folder / "needs", here, *requirements)
    )


@pytest.mark.parametrize(("platform", "python"), TARGETS)
def test_markupsafe(build: Build, store: Store, tmp_path: Path, platform: str, python: str) -> None:
    needs = environment(store, tmp_path, "setuptools==80.9.0")
    wheel = build(sdist(tmp_path, "markupsafe==3.0.2"), cross(platform, python), needs=needs)
    assert platform in wheel.filename
    assert f"-cp{python.replace('.', '')}-" in wheel.filename


def libyaml(folder: Path, target: Target, toolchain: Toolchain) -> Path:
    """Compile libyaml for a target, from the sources that ruamel.yaml.clib carries; return its folder."""
    found = toolchain(target)
    cache = warm(found.place, found.native.sandbox(Recipe()), found.cache, cpp=False)
    shutil.unpack_archive(sdist(folder, "ruamel.yaml.clib==0.2.12"), folder / "source")
    (source,) = (folder / "source").iterdir()
    prefix = folder / "libyaml"
    (prefix / "lib").mkdir(parents=True)
    (prefix / "include").mkdir()
    shutil.copy(source / "yaml.h", prefix / "include")
    mac = target.platform.startswith("macosx")
    name = "libyaml.dylib" if mac else "libyaml.so"
    shape = ["-dynamiclib", "-install_name", f"@rpath/{name}"] if mac else ["-shared", "-fPIC", f"-Wl,-soname,{name}"]
    parts = ["api", "dumper", "emitter", "loader", "parser", "reader", "scanner", "writer"]
    subprocess.run(
        [found.place.tools / "cc", "-O2", "-DHAVE_CONFIG_H", "-I.", *shape, *(f"{part}.c" for part in parts), "-o",
         prefix / "lib" / name],
        cwd=source,
        env={"PATH": os.defpath, "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)},
        check=True,
        capture_output=True,
    )  # fmt: skip
    return prefix


@pytest.mark.parametrize(("platform", "python"), [TARGETS[0], TARGETS[2]])
def test_pyyaml_with_a_library_of_the_targets_own(
    build: Build, store: Store, toolchain: Toolchain, tmp_path: Path, platform: str, python: str
) -> None:
    target = cross(platform, python)
    target = replace(target, libraries=str(libyaml(tmp_path, target, toolchain)))
    needs = environment(store, tmp_path, "setuptools==80.9.0", "cython==3.0.12")
    cython = tuple(each for each in needs if each.name != "cython")
    (tmp_path / "cython").mkdir()
    cython += tuple(locked(store, path) for path in download(tmp_path / "cython", python, "cython==3.0.12"))
    recipe = Recipe(environment={"PYYAML_FORCE_LIBYAML": "1"})
    wheel = build(sdist(tmp_path, "pyyaml==6.0.2"), target, needs=cython, recipe=recipe)
    assert platform in wheel.filename
    assert [name.split(".")[0].split("-")[0] for name in wheel.grafted] == ["libyaml"]
    assert len(list(objects(store.path(wheel.sha256)))) == 2


def test_cpp(build: Build, store: Store, tmp_path: Path) -> None:
    """Zig compiles C++'s library for a platform first: 45 s of CPU."""
    needs = environment(
        store, tmp_path, "setuptools==80.9.0", "setuptools_scm==8.3.1", "cppy==1.3.1", "packaging==25.0"
    )
    wheel = build(
        sdist(tmp_path, "kiwisolver==1.4.8", "--prefer-binary"), cross("macosx_11_0_arm64", "3.12"), needs=needs
    )
    assert wheel.filename == "kiwisolver-1.4.8-cp312-cp312-macosx_11_0_arm64.whl"
    assert all(each.minimum == (11, 0) for _, each in objects(store.path(wheel.sha256)))
