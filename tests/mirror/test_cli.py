from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.index_server import IndexServer
from tests.support.packages import make_wheel
from wheelyard.cli import add, mirror, prune
from wheelyard.domain.errors import ConfigError, NoCandidateError, UsageError

RUNNER = CliRunner()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("WHEELYARD_CACHE", str(tmp_path / "cache"))
    made = typer.Typer()
    for command in (mirror, add, prune):
        command.register(made)
    return made


def test_mirror_add_and_prune_by_command(app: typer.Typer, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "upstream", "demo", version)
    into = str(tmp_path / "mirror")
    listed = tmp_path / "projects.txt"
    listed.write_text("# what we need\ndemo>=1  # all of it\n")
    with IndexServer(tmp_path / "upstream", json=True) as server:
        arguments = ["mirror", "--from", str(listed), "--into", into, "--index", server.url]
        done = RUNNER.invoke(app, arguments)
        assert done.exit_code == 0, done.output
        assert "1 project: 2 files added" in done.output
        assert f"  pip install --index-url {Path(into).as_uri()}/simple/ NAME" in done.output
        done = RUNNER.invoke(app, [*arguments, "--quiet"])
        assert (done.exit_code, done.stdout) == (0, "")
        done = RUNNER.invoke(app, [*arguments, "--json"])
        assert json.loads(done.stdout.splitlines()[-1])["unchanged"] == 2
        done = RUNNER.invoke(app, [*arguments, "no-such-project"])
        assert isinstance(done.exception, NoCandidateError)
    mine = make_wheel(tmp_path, "mine", "1.0")
    done = RUNNER.invoke(app, ["add", str(mine), "--into", into])
    assert (done.exit_code, done.stdout) == (0, "1 added, 2 there already\n")
    done = RUNNER.invoke(app, ["prune", into, "--newest", "1"])
    assert "would remove demo-1.0-py3-none-any.whl" in done.stdout
    assert len(list((tmp_path / "mirror/files").glob("*.whl"))) == 3
    done = RUNNER.invoke(app, ["prune", into, "--newest", "1", "--yes"])
    assert done.exit_code == 0
    assert len(list((tmp_path / "mirror/files").glob("*.whl"))) == 2


@pytest.mark.parametrize(
    "wrong", [[], ["!!"], ["a @ https://example.org/a.whl"], ["a", "--python", "3.9"], ["a", "-t", "x"]]
)
def test_what_is_no_wish_is_said(app: typer.Typer, tmp_path: Path, wrong: list[str]) -> None:
    done = RUNNER.invoke(app, ["mirror", "--into", str(tmp_path / "m"), *wrong])
    assert isinstance(done.exception, ConfigError)


@pytest.mark.parametrize("url", ["http://[::bad/", "http://h:99999/", "https://[::1]:x/simple", "file://[x/"])
def test_an_index_that_is_no_url(app: typer.Typer, tmp_path: Path, url: str) -> None:
    done = RUNNER.invoke(app, ["mirror", "demo", "--into", str(tmp_path / "m"), "--index", url])
    assert isinstance(done.exception, ConfigError)
    assert done.exception.message == "not a URL: its host or port is wrong"


def test_a_project_that_two_indexes_have_is_refused_until_it_is_bound(app: typer.Typer, tmp_path: Path) -> None:
    make_wheel(tmp_path / "ours", "ours", "1.0", requires=["helper"])
    make_wheel(tmp_path / "ours", "helper", "1.0")
    make_wheel(tmp_path / "public", "helper", "99.0")
    pool = tmp_path / "mirror/files"
    with IndexServer(tmp_path / "ours") as ours, IndexServer(tmp_path / "public") as public:
        arguments = ["mirror", "ours", "--dependencies", "--into", str(tmp_path / "mirror")]
        arguments += ["--index", f"own={ours.url}", "--index", f"public={public.url}"]
        done = RUNNER.invoke(app, arguments)
        assert isinstance(done.exception, ConfigError)
        assert "--bind helper=own" in str(done.exception.hint)
        assert {path.name for path in pool.glob("*.whl")} == {"ours-1.0-py3-none-any.whl"}, "all else is published"
        for more in (["--bind", "Helper=own"], ["--index-strategy", "first-index"]):
            assert RUNNER.invoke(app, [*arguments, *more]).exit_code == 0
            assert not list(pool.glob("helper-99*"))
        assert RUNNER.invoke(app, [*arguments, "--mirror-of", "public=own"]).exit_code == 0
        assert list(pool.glob("helper-99*"))
        for more in (["--bind", "helper=nowhere"], ["--bind", "helper"], ["--mirror-of", "own=own"]):
            assert isinstance(RUNNER.invoke(app, [*arguments, *more]).exception, UsageError)
