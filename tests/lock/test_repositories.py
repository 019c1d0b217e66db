"""Git repositories that are required: an sdist is made of a commit, once, and is locked like any other file."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.index_server import IndexServer
from tests.support.locking import Place
from tests.support.packages import make_wheel
from tests.support.repositories import GitServer, Repo
from tests.support.source_trees import project
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.lock import LockedPackage
from wheelyard.store.blobs import Store

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        make_wheel(server.folder, "maker", "1.0")
        make_wheel(server.folder, "other", "1.0")
        yield Place(tmp_path, server)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A project in a folder of a repository, with a submodule."""
    part = Repo(tmp_path / "part")
    part.commit({"data.txt": "of the submodule"})
    made = Repo(tmp_path / "mine")
    project(made.folder / "python")
    made.git("submodule", "--quiet", "add", "../part", "python/inside")
    made.commit({}, tag="1.0")
    return made


def mine(place: Place, line: str, *, more: str = "", upgrade: tuple[str, ...] = ()) -> LockedPackage:
    config = place.config(f"{line}\n{more}\n", targets="")
    (lock,) = place.lock(config, upgrade_packages=upgrade).values()
    return next(package for package in lock.packages if package.name == "mine")


def test_a_commit_stays_until_it_is_upgraded_and_its_repository_may_go(place: Place, repo: Repo) -> None:
    line = f"mine[x] @ git+{repo.url}@main#subdirectory=python"
    first = mine(place, line)
    assert first.version == "1.0", "as git describes it: not dirty, whatever was packed and unpacked"
    assert first.file.path == "wheelyard-sdists/Mine-1.0.tar.gz"
    assert first.file.made_from is not None
    assert first.file.made_from.commit == repo.git("rev-parse", "HEAD")
    with tarfile.open(place.root / first.file.path) as archive:
        seen = archive.extractfile("Mine-1.0/seen.txt")
        assert seen is not None
        assert {"inside/data.txt", "own.py"} <= set(seen.read().decode().split("\n"))
    repo.commit({"python/a.py": ""}, tag="2.0")
    assert mine(place, line, more="other") == first, "the branch has moved, the lock has not"
    moved = mine(place, line, more="other", upgrade=("mine",))
    assert moved.version == "2.0"
    assert moved.reason == f"built from {repo.url} at main (commit {repo.git('rev-parse', 'HEAD')})"
    shutil.rmtree(repo.folder)
    place.store = Store(place.root / "another")
    assert mine(place, f"-e git+{repo.url}@main#egg=mine[x]&subdirectory=python").file == moved.file


def test_a_secret_goes_to_the_server_alone(place: Place, repo: Repo) -> None:
    shutil.copytree(repo.folder / ".git", place.root / "served/mine.git")
    shutil.copytree(place.root / "part/.git", place.root / "served/part")
    with GitServer(place.root / "served", secret="me:se%cret") as server:
        line = f"git+http://me:se%25cret@{server.host}/mine.git@1.0#subdirectory=python"
        assert mine(place, line).version == "1.0"
        assert server.asked
        (place.root / "demo.in").unlink()
    written = [path for path in place.root.rglob("*") if path.is_file() and b"se%" in path.read_bytes()]
    assert written == []


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ("@1.0", "no Python project: neither pyproject.toml nor setup.py is there"),
        ("#subdirectory=nothing", "no Python project: neither pyproject.toml nor setup.py is there in nothing"),
        ("@1.1#subdirectory=python", "no branch, tag or commit 1.1"),
    ],
)
def test_what_is_no_project_is_told_with_line_and_commit(place: Place, repo: Repo, behind: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mine(place, f"mine @ git+{repo.url}{behind}")
    assert said in caught.value.message
    assert caught.value.hint
    assert repo.url in (caught.value.where or "")
