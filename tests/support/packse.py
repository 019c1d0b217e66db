"""packse's scenarios (``tests/data/packse``): small worlds of packages, with the versions to be taken."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.packages import make_sdist, make_wheel, metadata

DATA = Path(__file__).parent.parent / "data" / "packse"
_PYTHON = "3.12"
_BACKEND = """
def get_requires_for_build_wheel(settings=None):
    return []
"""
_PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@dataclass(frozen=True)
class Scenario:
    """One world, its question and the answer."""

    name: str
    requires: tuple[str, ...]
    python: str
    """Of the target."""
    options: Mapping[str, Any]
    packages: Mapping[str, Mapping[str, Mapping[str, Any]]]
    expected: Mapping[str, str] | None
    """Versions by name; empty: any will do; None: there is no answer."""

    @property
    def requirements(self) -> list[str]:
        """The question, in names that no other scenario has."""
        return [self._own(line) for line in self.requires]

    @property
    def configuration(self) -> str:
        """What of it a ``wheelyard.toml`` says."""
        platform = {"x86_64-manylinux2014": "manylinux_2_17_x86_64"}[
            self.options.get("python_platform", "x86_64-manylinux2014")
        ]
        no_build = [self.own(name) for name in self.options.get("no_build", ())]
        no_binary = [self.own(name) for name in self.options.get("no_binary", ())]
        return (
            f"only-binary = {json.dumps(no_build)}\nno-binary = {json.dumps(no_binary)}\n"
            f"prereleases = {json.dumps(bool(self.options.get('prereleases')))}\n"
            f'[[target]]\nname = "target"\npython = "{self.python}"\nplatform = "{platform}"\n'
        )

    def own(self, name: str) -> str:
        """Return a package's name among those of all scenarios."""
        return canonicalize_name(f"{self.name}-{name}")

    def answer(self, locked: Mapping[str, str]) -> dict[str, str]:
        """Return what a lock has of its packages."""
        return {name: locked[self.own(name)] for name in self.packages if self.own(name) in locked}

    def _own(self, line: str) -> str:
        requirement = Requirement(line)
        requirement.name = self.own(requirement.name)
        return str(requirement)

    def fill(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Write the distributions, and yield the file name of each that is yanked, with the reason."""
        for name, versions in self.packages.items():
            for version, said in versions.items():
                for path in self._distributions(folder, self.own(name), version, said):
                    if said.get("yanked"):
                        yield path.name, "yanked in the scenario"

    def _distributions(self, folder: Path, name: str, version: str, said: Mapping[str, Any]) -> Iterator[Path]:
        extras = said.get("extras", {})
        requires = [self._own(line) for line in said.get("requires", ())]
        for extra, lines in extras.items():
            for line in lines:
                requirement = Requirement(self._own(line))
                marker = f'extra == "{extra}"'
                requires.append(
                    f"{requirement} ; {marker}" if requirement.marker is None else f"{requirement} and {marker}"
                )
        asked: dict[str, Any] = {
            "requires": requires,
            "requires_python": said.get("requires_python", f">={_PYTHON}"),
            "extras": list(extras),
        }
        if said.get("wheel", True):
            for tag in said.get("wheel_tags") or ["py3-none-any"]:
                yield make_wheel(folder, name, version, tag=tag, **asked)
        if said.get("sdist", True):
            info = metadata(name, version, **asked).replace("Metadata-Version: 2.1", "Metadata-Version: 2.2")
            files = {"PKG-INFO": info, "pyproject.toml": _PYPROJECT, "backend.py": _BACKEND}
            yield make_sdist(folder, name, version, files)

    @property
    def builds(self) -> bool:
        """Whether the target's Python may have to be asked what an sdist needs."""
        files = [said for versions in self.packages.values() for said in versions.values()]
        return bool(self.options.get("no_binary")) or any(
            not said.get("wheel", True) or said.get("wheel_tags") for said in files
        )


def scenarios() -> tuple[Scenario, ...]:
    """Return all of them, with the answers that are expected here: packse's, save those of ``differences.toml``."""
    other = differences()
    return tuple(
        Scenario(
            name=said["name"],
            requires=tuple(said["requires"]),
            python=said["options"].get("python", said["python"]),
            options=said["options"],
            packages=said["packages"],
            expected=other[said["name"]].get("answer") if said["name"] in other else said["expected"],
        )
        for said in json.loads((DATA / "scenarios.json").read_text())
    )


def differences() -> dict[str, dict[str, Any]]:
    """Return our answer (none: there is none) and the reason where packse expects another one, by scenario."""
    return tomllib.loads((DATA / "differences.toml").read_text())
