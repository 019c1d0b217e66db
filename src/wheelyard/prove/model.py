"""What is proven of one target's folder, and what the proof says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.proof import Probe
from wheelyard.targets.commands import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Bring:
    """The modules that a project brings, and what decides whether each of them has to import."""

    modules: Sequence[str]
    chosen: bool = True
    """Whether the configuration says that these, and no others, are to be imported."""
    required: bool = False
    """Whether a requirement names the project; else only other packages need it."""
    built: bool = False
    """Whether its wheel was compiled here."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """What only an extra that nobody asked for brings, of a required project: that extra, by distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be proven: the content of one target's folder."""

    folder: str
    """Name of the folder, as in ``Proof.target``."""
    wheels: Mapping[str, Path]
    """Every wheel of the folder by file name (blobs of the store)."""
    requirements_txt: str
    brought: Mapping[str, Bring]
    """What to import, by the project that brings it."""
    pip: tuple[str, Path]
    """File name and blob of the pip that the host has."""
    route: Route
    """What decides which commands install it: the same that are printed."""
    probes: tuple[Probe, ...] = ()
    """What is asked once all of it imports."""

    @property
    def pip_version(self) -> str:
        """The version of the pip that installs it: the carried one, else the host's."""
        return wheel_name.parse(self.route.pip or self.pip[0]).version

    @property
    def facts(self) -> tuple[object, ...]:
        """What a proof depends on, wherever it is made, as values that JSON has."""
        return (
            self.folder,
            self.requirements_txt,
            sorted(self.wheels),
            {name: asdict(each) for name, each in self.brought.items()},
            self.pip[0],
            astuple(self.route),
            *(fact for probe in self.probes for fact in probe.facts),
        )
