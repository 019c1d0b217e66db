from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.support.configurations import write
from wheelyard.cli import init
from wheelyard.config.load import load
from wheelyard.config.template import render
from wheelyard.domain.errors import ConfigError, WheelyardError


def application() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    init.register(app)
    return app


def run(*arguments: str) -> BaseException | None:
    return CliRunner().invoke(application(), ["init", *arguments]).exception


def test_what_is_written_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run() is None
    write(tmp_path, requirements__in="six\n")
    assert [requirement.text for requirement in load(tmp_path).requirements] == ["six"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep/er/my list.in", "six\n"),
        ("pyproject.toml", "[project]\nname='x'\ndependencies=['six']\n"),
        (
            "pylock.toml",
            (
                'lock-version="1.0"\ncreated-by="x"\n[[packages]]\nname="six"\nversion="1"\n'
                '[packages.sdist]\nname="six-1.tar.gz"\nurl="https://x.example/six-1.tar.gz"\n'
                f'hashes={{sha256="{"0" * 64}"}}\n'
            ),
        ),
    ],
)
def test_from_something_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    assert run(name, "--target", "el9", "-t", "el8-py39") is None
    config = load(tmp_path)
    listed = [requirement.text for requirement in config.requirements] + [
        package.name for lock in config.locks for package in lock.packages
    ]
    assert listed == ["six"]
    assert [target.name for target in config.targets] == ["el9", "el8-py39"]


def test_every_example_in_the_comments_is_right(tmp_path: Path) -> None:
    """With the comment signs away, every key that the file explains loads."""
    text = render((), tmp_path)
    lines = [re.sub(r"^# (?=(\[|[a-z-]+ = ))", "", line) for line in text.splitlines()]
    lines = [line for line in lines if line != "#"]
    # Top-level keys stand among tables in the comments: put them first, and take the one example that excludes others.
    body = "\n".join(lines)
    tables = re.findall(r"^\[[^\n]*(?:\n(?!\[|# ---)[^\n]*)*", body, re.MULTILINE)
    top = body
    for table in tables:
        top = top.replace(table, "")
    write(
        tmp_path,
        requirements__in="six\n",
        constraints__txt="six<9\n",
        patches___numpy__patch="",
        pyproject__toml="[project]\nname='x'\n[project.optional-dependencies]\nplot=[]\n[dependency-groups]\ndev=[]\n",
    )
    top = top.replace('requirements = ["requirements.in"]\n', "", 1)  # the example below it is another value of the key
    (tmp_path / "wheelyard.toml").write_text(top + "\n" + "\n".join(tables))
    config = load(tmp_path)
    assert [target.name for target in config.targets] == ["el9", "el8-py39", "laboratory"]
    assert set(config.packages) == {"our-library", "numpy"}
    assert config.build.jobs == 0
    assert config.constraints


def test_defaults_in_the_comments_are_the_defaults(tmp_path: Path) -> None:
    text = render((), tmp_path)
    build = tomllib.loads(
        "\n".join(line[2:] for line in text.splitlines() if re.match(r"# (jobs|sandbox|require-sandbox) = ", line))
    )
    assert build == {"jobs": 0, "sandbox": "auto", "require-sandbox": False}


def test_nothing_is_overwritten_without_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, wheelyard__toml="mine", requirements__in="six\n")
    error = run()
    assert isinstance(error, ConfigError)
    assert "--force" in str(error)
    assert (tmp_path / "wheelyard.toml").read_text() == "mine"
    assert run("--force") is None
    assert load(tmp_path).targets


@pytest.mark.parametrize("arguments", [("nothing.in",), ("bad.in",), ("empty.in",), ("-t", "el99")])
def test_nothing_is_written_from_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, bad__in="a=1\n", empty__in="")
    assert isinstance(run(*arguments), WheelyardError)
    assert not (tmp_path / "wheelyard.toml").exists()
