"""Formats that list requirements are one file each; a damaged one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configurations import errors, toml, write
from wheelyard.config import inputs
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.load import load
from wheelyard.config.template import render
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems


class OneName:
    """A toy format: a file ``*.name`` has a name."""

    def matches(self, path: Path) -> bool:
        return path.suffix == ".name"

    def read(self, path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
        name = path.read_text().strip()
        if not name.isidentifier():
            problems.add("no name", where=path.relative_to(root).as_posix(), hint="write one")
            return Gathered()
        return Gathered(requirements=[Requirement(text=name, origin=path.name, line=1)])

    def written(self, name: str) -> str:
        return name


def test_a_format_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "FORMATS", (OneName(), *inputs.FORMATS))
    write(tmp_path, good__name="six\n", bad__name="?\n")
    assert [each.text for each in load(tmp_path / "good.name").requirements] == ["six"]
    assert 'requirements = ["good.name"]' in render([tmp_path / "good.name"], tmp_path)
    with pytest.raises(ConfigError, match="no name"):
        load(tmp_path / "bad.name")


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Pipfile", "pylock.toml"])
@pytest.mark.parametrize(
    "content", ["", "version = 1\n\n[[package]]\nname = 'six'\n" * 20, "[", "{}", "[[package]]\nname = 3"]
)
def test_a_damaged_file_is_one_error_that_names_it(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(WheelyardError) as caught:
        load(tmp_path / name)
    (error,) = errors(caught)
    assert (error.where or "").startswith(name)
    assert error.hint


@pytest.mark.parametrize("name", ["uv.lock", "Pipfile", "pyproject.toml"])
def test_what_is_no_requirements_file_is_neither_included_nor_a_constraint(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version = 1\n")
    for written in (f'constraints = ["{name}"]', 'requirements = ["r.in", "more.in"]'):
        (tmp_path / "more.in").write_text(f"-r {name}\n")
        with pytest.raises(WheelyardError) as caught:
            toml(tmp_path, written) if "more" not in written else _load(tmp_path, written)
        (error,) = errors(caught)
        assert f'requirements = ["{name}"]' in (error.hint or "")


def _load(folder: Path, written: str) -> None:
    write(folder, wheelyard__toml=written, r__in="six\n")
    load(folder)
