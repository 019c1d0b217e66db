"""packse's scenarios of one environment: the versions that they expect, or the differences that are listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.index_server import IndexServer
from tests.support.packse import Scenario, differences, scenarios
from tests.support.pythons import need
from wheelyard import Store, WheelyardError, load_config, lock
from wheelyard.domain.errors import NoCandidateError, ResolutionError

SCENARIOS = scenarios()
SATISFIABLE = [scenario for scenario in SCENARIOS if scenario.expected is not None]
KINDS = sorted({(scenario.configuration, scenario.builds) for scenario in SATISFIABLE})


@dataclass(frozen=True)
class World:
    root: Path
    server: IndexServer

    def locked(self, asking: Sequence[Scenario]) -> dict[str, str]:
        """Return what is locked for scenarios of one configuration: they have no name in common."""
        folder = self.root / f"{asking[0].name}-{len(asking)}"
        folder.mkdir()
        (folder / "all.in").write_text("".join(f"{line}\n" for scenario in asking for line in scenario.requirements))
        index = f'[[index]]\nname = "main"\nurl = "{self.server.url}"\n'
        (folder / "wheelyard.toml").write_text(f'requirements = ["all.in"]\n{asking[0].configuration}\n{index}')
        (found,) = lock(load_config(folder / "wheelyard.toml"), store=Store(self.root / "store")).values()
        return {package.name: package.version for package in found.packages}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("packse")
    yanked = {name: reason for scenario in SCENARIOS for name, reason in scenario.fill(root / "files")}
    with IndexServer(root / "files", json=True, yanked=yanked) as server:
        yield World(root, server)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{SATISFIABLE[0].name}-{KINDS.index(kind)}")
def test_versions_are_the_expected_ones(world: World, kind: tuple[str, bool]) -> None:
    asking = [scenario for scenario in SATISFIABLE if (scenario.configuration, scenario.builds) == kind]
    if asking[0].builds:
        need(asking[0].python)
    locked = world.locked(asking)
    answers = {scenario.name: scenario.answer(locked) for scenario in asking}
    assert all(answers.values())
    particular = {scenario.name: scenario.expected for scenario in asking if scenario.expected}
    assert {name: answers[name] for name in particular} == particular


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.expected is None], ids=lambda each: each.name)
def test_what_has_no_answer_gets_none(world: World, scenario: Scenario) -> None:
    with pytest.raises(WheelyardError) as caught:
        world.locked([scenario])
    assert isinstance(caught.value, ResolutionError | NoCandidateError)
    assert scenario.name in str(caught.value)


def test_each_difference_is_told_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tried.md").read_text()
    rows = [f"| {name} | {row.get('answer', 'none')} | {row['reason']} |" for name, row in differences().items()]
    assert not [row for row in rows if row.replace("'", "") not in page]
