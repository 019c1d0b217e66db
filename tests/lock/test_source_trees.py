"""Folders that are required: an sdist is made of each, once, and is locked like any other file."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.index_server import IndexServer
from tests.support.locking import Place, versions
from tests.support.packages import make_wheel
from tests.support.source_trees import MAKES_SDISTS, project
from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.errors import BuildError
from wheelyard.domain.lock import LockedPackage
from wheelyard.store.blobs import Store


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        make_wheel(server.folder, "maker", "1.0")
        make_wheel(server.folder, "other", "1.0")
        yield Place(tmp_path, server)


def mine(place: Place, config: Config) -> LockedPackage:
    (lock,) = place.lock(config).values()
    return next(package for package in lock.packages if package.name == "mine")


def files_of(sdist: Path) -> list[str]:
    with tarfile.open(sdist) as archive:
        (name,) = (member for member in archive.getnames() if member.endswith("/seen.txt"))
        stream = archive.extractfile(name)
        assert stream is not None
        return stream.read().decode().split("\n")


def test_a_folder_and_an_editable_project_are_locked_as_an_sdist_of_them(place: Place) -> None:
    project(place.root / "lib")
    config = place.config("-e lib\n", targets="")
    (lock,) = place.lock(config).values()
    assert versions(lock) == {"mine": "1.0", "other": "1.0"}
    first = mine(place, config)
    assert first.how == "build"
    assert first.file.path == "wheelyard-sdists/Mine-1.0.tar.gz"
    assert first.file.sha256 == mine(place, place.config("./lib[x]\n", targets="")).file.sha256, "made once"
    (place.root / first.file.path).unlink()
    place.store = Store(place.root / "another")
    assert mine(place, place.config("-e lib\n", targets="")).file.path == first.file.path, "made again"
    assert (place.root / first.file.path).is_file()


def test_the_sdist_of_the_folder_that_is_locked_has_nothing_of_ours_and_of_tools(place: Place) -> None:
    place.root = project(place.root / "lib")
    for litter in (".venv/pyvenv.cfg", "env/pyvenv.cfg", "dist/old.tar.gz", "src/__pycache__/a.pyc", "src/a.py"):
        (place.root / litter).parent.mkdir(parents=True, exist_ok=True)
        (place.root / litter).touch()
    config = place.config(".\n", targets="")
    first = mine(place, config)
    seen = files_of(place.root / (first.file.path or ""))
    assert seen == ["demo.in", "own.py", "pyproject.toml", "src", "src/a.py", "wheelyard.toml"]
    (place.root / "dist/new.tar.gz").touch()
    place.server.requests.clear()
    assert mine(place, config) == first
    assert not place.server.requests, "what was locked is none of the tree, so nothing is locked again"
    (place.root / "src/a.py").write_text("x = 1\n")
    assert mine(place, config).file.sha256 != first.file.sha256


def test_a_version_comes_from_git_and_no_password_goes_into_the_sandbox(place: Place) -> None:
    folder = project(place.root / "lib")
    run = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@host.example"]
    for arguments in (
        ["init", "-q"],
        ["remote", "add", "origin", "https://user:secret@host.example/lib"],
        ["add", "."],
        ["commit", "-qm", "first"],
        ["tag", "7.1"],
        ["pack-refs", "--all"],
    ):
        subprocess.run([*run, *arguments], check=True)
    found = mine(place, place.config("./lib\n", targets=""))
    assert found.version == "7.1"
    assert not [path for path in place.store.blobs() if b"secret" in place.store.path(path).read_bytes()]


def test_a_backend_that_makes_no_sdist_is_told_with_its_words(place: Place) -> None:
    folder = project(place.root / "lib")
    (folder / "own.py").write_text(MAKES_SDISTS.replace("import maker", 'raise SystemExit("no such maker")'))
    with pytest.raises(BuildError, match=r"mine.*build_sdist failed[\s\S]*no such maker"):
        place.lock(place.config("./lib\n", targets=""))


def test_a_setup_py_is_the_project_built_by_its_own_backend(place: Place) -> None:
    folder = project(place.root / "lib")
    (folder / "setup.py").write_text("raise SystemExit('run outside of the sandbox')\n")
    config = place.config("other\n", targets="")
    text = (place.root / "wheelyard.toml").read_text()
    (place.root / "wheelyard.toml").write_text(text.replace('"demo.in"', '"lib/setup.py"'))
    (lock,) = place.lock(load(config.path)).values()
    assert versions(lock) == {"mine": "1.0", "other": "1.0"}
