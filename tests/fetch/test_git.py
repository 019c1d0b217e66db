"""Repositories are fetched by the real git: the right commit, with its submodules, and nothing of it is run."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from tests.support.repositories import GitServer, Repo
from wheelyard.domain.errors import ConfigError, ToolError, UpstreamError
from wheelyard.domain.repository import Commit, Repository
from wheelyard.upstream import git
from wheelyard.upstream.git import Git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Repo:
    """A project with two versions, and a submodule in the newer one."""
    part = Repo(tmp_path / "part")
    part.commit({"data.txt": "of the submodule\n"})
    repo = Repo(tmp_path / "project")
    repo.commit({"pyproject.toml": "", "a.py": "a = 1\n"}, tag="v1.0")
    repo.git("submodule", "--quiet", "add", "../part", "inside")
    repo.commit({"a.py": "a = 2\n"})
    repo.git("tag", "-m", "a tag with words", "v2.0")
    return repo


def commit(repo: Repo, revision: str | None = None) -> str:
    return Git().commit(Repository(url=repo.url, revision=revision)).commit


def test_what_a_revision_can_be(project: Repo) -> None:
    old, new = project.git("rev-parse", "v1.0"), project.git("rev-parse", "HEAD")
    assert commit(project) == commit(project, "main") == commit(project, "v2.0") == new
    assert commit(project, "v1.0") == commit(project, old) == commit(project, old[:8]) == old
    project.git("branch", "v2.0", "v1.0")  # a branch and a tag of one name
    assert commit(project, "v2.0") == old
    assert commit(project, "refs/tags/v2.0") == new


def test_what_is_not_there_is_told_with_what_is(project: Repo, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no branch, tag or commit v2\.1") as caught:
        commit(project, "v2.1")
    assert caught.value.hint == "did you mean v2.0?"
    with pytest.raises(ConfigError, match="no branch, tag or commit abcdef12"):
        commit(project, "abcdef12")
    with pytest.raises(ConfigError, match="the repository is empty"):
        commit(Repo(tmp_path / "empty"))
    with pytest.raises(UpstreamError, match="cannot be had") as missing:
        Git().commit(Repository(url=(tmp_path / "nothing").as_uri()))
    assert "git ls-remote file:" in (missing.value.hint or "")
    lost = Commit(repository=Repository(url=project.url), commit="0123456789" * 4)
    with pytest.raises(UpstreamError, match="has no commit 0123") as gone:
        Git().checkout(lost, tmp_path / "lost")
    assert "--upgrade-package" in (gone.value.hint or "")


def test_a_checkout_has_submodules_tags_and_no_secret(project: Repo, tmp_path: Path) -> None:
    shutil.copytree(project.folder / ".git", tmp_path / "served/project.git")
    shutil.copytree(tmp_path / "part/.git", tmp_path / "served/part")
    with GitServer(tmp_path / "served", secret="me:pass/word") as server:
        url = f"http://{server.host}/project.git"
        at = Repository(url=url, revision="v2.0")
        with pytest.raises(UpstreamError, match="cannot be had"):
            Git().commit(at)
        known = Git(credentials={f"http://{server.host}": ("me", "pass/word")})
        assert "pass/word" not in repr(known)
        known.checkout(known.commit(at), tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "a.py").read_text() == "a = 2\n"
    assert (out / "inside/data.txt").read_text() == "of the submodule\n"
    assert (out / ".git/packed-refs").read_text().count("refs/tags/") == 2
    secrets = (b"pass/word", base64.b64encode(b"me:pass/word"))
    assert not any(secret in path.read_bytes() for path in out.rglob("*") if path.is_file() for secret in secrets)
    assert not any(path.name == "hooks" for path in out.rglob("*"))


def test_a_dumb_server(project: Repo, tmp_path: Path) -> None:
    shutil.copytree(project.folder / ".git", tmp_path / "served/project.git")
    project.git("--git-dir", str(tmp_path / "served/project.git"), "update-server-info")
    with GitServer(tmp_path / "served", dumb=True) as server:
        at = Repository(url=f"http://{server.host}/project.git", revision="v1.0")
        found = Git().commit(at)
        Git().checkout(found, tmp_path / "out")
    assert (tmp_path / "out/a.py").read_text() == "a = 1\n"
    assert found.commit == project.git("rev-parse", "v1.0")


def test_a_commit_of_no_branch(project: Repo, tmp_path: Path) -> None:
    kept = project.commit({"a.py": "a = 3\n"})
    project.git("update-ref", "refs/pull/1/head", kept)
    project.git("reset", "--quiet", "--hard", "v2.0")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    Git().checkout(Commit(repository=Repository(url=project.url), commit=kept), tmp_path / "out")
    assert (tmp_path / "out/a.py").read_text() == "a = 3\n"


def test_a_hostile_repository_runs_nothing(project: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of the user's, hooks of a template, and submodules by another transport or of this machine's files."""
    mark = tmp_path / "mark"
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (hooks / "post-checkout").chmod(0o755)
    own = tmp_path / "own"
    own.write_text(
        f'[filter "own"]\n\tsmudge = touch {mark}; cat\n\trequired = true\n[init]\n\ttemplateDir = {hooks.parent}\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    git._no_filters.cache_clear()
    project.commit({".gitattributes": "* filter=own\n", "a.py": "a = 4\n"})
    with monkeypatch.context() as shell:
        shell.setenv("GIT_DIR", str(tmp_path))  # of a hook that we are called from
        Git().checkout(Git().commit(Repository(url=project.url)), tmp_path / "out")
    git._no_filters.cache_clear()
    assert (tmp_path / "out/a.py").read_text() == "a = 4\n"
    assert not mark.exists()
    for number, url in enumerate((f"ext::sh -c 'touch {mark}'", (tmp_path / "part").as_uri())):
        project.git("config", "--file", ".gitmodules", "submodule.inside.url", url)
        project.commit({})
        shutil.rmtree(tmp_path / "served", ignore_errors=True)
        shutil.copytree(project.folder / ".git", tmp_path / "served/project.git")
        with GitServer(tmp_path / "served") as server:
            at = Git().commit(Repository(url=f"http://{server.host}/project.git"))
            with pytest.raises(UpstreamError, match=r"transport '(ext|file)' not allowed"):
                Git().checkout(at, tmp_path / f"out{number}")
    assert not mark.exists()


def test_lfs_is_git_s_own_or_missing_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo(tmp_path / "big")
    repo.commit({".gitattributes": "*.bin filter=lfs\n", "a.bin": "a pointer\n"})
    at = Git().commit(Repository(url=repo.url))
    monkeypatch.setattr(git, "_has_lfs", lambda: False)
    with pytest.raises(ToolError, match=r"a\.bin is kept by Git LFS") as caught:
        Git().checkout(at, tmp_path / "out")
    assert caught.value.hint == "install git-lfs"


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    git._program.cache_clear()
    monkeypatch.setenv("PATH", "/nothing")
    with pytest.raises(ToolError, match="the program git is missing"):
        Git().commit(Repository(url="https://host.example/x.git"))
