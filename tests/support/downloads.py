"""Real packages of an index, fetched and locked for a build."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.store.blobs import Store


def environment(store: Store, folder: Path, *requirements: str) -> tuple[LockedPackage, ...]:
    here = f"3.{sys.version_info[1]}"
    (folder / "needs").mkdir(exist_ok=True)
    return tuple(
        replace(locked(store, path), expects="any") for path in download(folder / "needs", here, *requirements)
    )


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
        name=canonicalize_name(name),
        version=version,
        file=file,
        reason="",
        build_requirements=needs,
        expects="any" if needs == () else "binary",
    )
