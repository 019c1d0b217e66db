"""What is proven of one target's folder, and what the proof says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wheelyard.domain.proof import Probe


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
    carried_pip: str | None = None
    """Version of the pip that the host must install from the folder first."""
    probes: tuple[Probe, ...] = ()
    """What is asked once all of it imports."""

    @property
    def facts(self) -> tuple[object, ...]:
        """What a proof depends on, wherever it is made, as values that JSON has."""
        return (
            self.folder,
            self.requirements_txt,
            sorted(self.wheels),
            {name: asdict(each) for name, each in self.brought.items()},
            self.pip[0],
            self.carried_pip,
            *(fact for probe in self.probes for fact in probe.facts),
        )
