"""A project in a git repository, from the real setuptools-scm to the wheelhouse."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.downloads import download
from tests.support.repositories import SCM_PROJECT, Repo
from tests.support.yard import HERE, Yard

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


def test_a_version_of_git_is_right_and_is_built_again_when_the_repository_is_gone(yard: Yard, tmp_path: Path) -> None:
    download(yard.shop, HERE.python, "setuptools", "setuptools-scm", "packaging", "vcs-versioning")
    part = Repo(tmp_path / "part")
    part.commit({"inner.py": "here = True\n"})
    repo = Repo(tmp_path / "demo")
    repo.commit({"pyproject.toml": SCM_PROJECT.format(name="demo"), "src/demo/__init__.py": ""}, tag="v1.2.0")
    repo.git("submodule", "--quiet", "add", "../part", "src/demo/part")
    commit = repo.commit({"src/demo/more.py": ""})
    yard.write(f"demo @ git+{repo.url}\n")
    first = yard.run("build", "--no-prove")
    assert first.code == 0, first.err
    (wheel,) = yard.folder.glob("demo-*.whl")
    assert wheel.name == f"demo-1.2.1.dev1+g{commit[:9]}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("demo/part/inner.py") == b"here = True\n"
    assert commit in (yard.wheelhouse / "provenance.json").read_text()
    content = wheel.read_bytes()
    shutil.rmtree(repo.folder)
    shutil.rmtree(yard.root / "cache")
    shutil.rmtree(yard.wheelhouse)
    again = yard.run("build", "--no-prove")
    assert again.code == 0, again.err
    assert wheel.read_bytes() == content
