"""Formats that list requirements are one file each; those of other tools are told how they are exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import errors, toml, write
from wheelyard.config import inputs
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.load import load
from wheelyard.config.template import render
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems


class OneName:
    """A toy format: a file ``*.name`` has a name."""

    def matches(self, path: Path) -> bool:
        return path.suffix == ".name"

    def read(self, path: Path, root: Path, problems: Problems) -> Gathered:
        name = path.read_text().strip()
        if not name.isidentifier():
            problems.add("no name", where=path.relative_to(root).as_posix(), hint="write one")
            return Gathered()
        return Gathered(requirements=[Requirement(text=name, origin=path.name, line=1)])

    def written(self, name: str) -> str:
        return f"requirements = [{name}]\n"


def test_a_format_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "FORMATS", (OneName(), *inputs.FORMATS))
    write(tmp_path, good__name="six\n", bad__name="?\n")
    assert [each.text for each in load(tmp_path / "good.name").requirements] == ["six"]
    assert 'requirements = ["good.name"]' in render(tmp_path / "good.name", tmp_path)
    with pytest.raises(ConfigError, match="no name"):
        load(tmp_path / "bad.name")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("uv.lock", "uv export --format pylock.toml"),
        ("poetry.lock", "poetry export --format requirements.txt"),
        ("pdm.lock", "pdm export"),
        ("Pipfile", "pipenv requirements"),
        ("Pipfile.lock", "pipenv requirements"),
        ("environment.yml", "pip: section"),
        ("environment.yaml", "pip: section"),
        ("setup.cfg", "pip-compile setup.cfg"),
        ("setup.py", "pip-compile setup.py"),
    ],
)
def test_a_file_of_another_tool_is_one_error_that_says_how_it_is_exported(
    tmp_path: Path, name: str, advice: str
) -> None:
    (tmp_path / name).write_text("version = 1\n\n[[package]]\nname = 'six'\n" * 20)

    def told(caught: pytest.ExceptionInfo[WheelyardError]) -> None:
        (error,) = errors(caught)
        assert error.where == name
        assert advice in (error.hint or "")

    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / name)
    told(caught)
    with pytest.raises(WheelyardError) as caught:
        toml(tmp_path, f'constraints = ["{name}"]')
    told(caught)
    with pytest.raises(WheelyardError) as caught:
        render(tmp_path / name, tmp_path)
    told(caught)
