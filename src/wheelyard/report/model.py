"""What a wheelhouse holds, as the papers tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wheelyard.domain.variant import Ingredient, Told
from wheelyard.wheels.licence import License


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafted:
    """A foreign library inside a wheel."""

    name: str
    """File name in the wheel: ``libgfortran-040039e1.so.5.0.0``."""
    sha256: str
    component: str = ""
    """Name, version or purl of the system package it came from, where the wheel's own SBOM says so (PEP 770)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a wheel came from."""

    origin: Literal["upstream", "built", "local", "unknown"]
    source: str = ""
    """Name of the index, or file name of the sdist."""
    reason: str = ""
    build_key: str = ""
    sandbox: str = ""
    """Sandbox or image that it was built in."""
    grafted: tuple[str, ...] = ()
    prefetched: tuple[str, ...] = ()
    """Package URLs of what its build took from other registries."""
    attestations: str = ""
    """URL of the upstream's attestations (PEP 740)."""
    sdist_sha256: str = ""
    """Of what it was built from."""
    sdist_index: str = ""
    """Name of the index that had this; ``local``: a file of the admin's own."""
    upload_time: str = ""
    """As the index said (PEP 700), of the wheel or of its sdist."""
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One wheel or sdist of the pool."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    filename: str
    sha256: str
    size: int
    folders: tuple[str, ...]
    """Target folders that hold it."""
    license: License
    summary: str = ""
    homepage: str = ""
    requires: tuple[str, ...] = ()
    """Normalised names of projects that it may need."""
    grafted: tuple[Grafted, ...] = ()
    told: tuple[Told, ...] = ()
    """What a variant's wheel says of its choices."""
    provenance: Provenance = field(default_factory=lambda: Provenance(origin="unknown"))

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """What the choices of a variant brought into it, or make it load."""
        return tuple(said.ingredient for said in self.told if said.ingredient is not None)

    @property
    def reference(self) -> str:
        """Unique in one SBOM."""
        return f"{self.filename}@sha256:{self.sha256[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One known vulnerability of one component."""

    id: str
    aliases: tuple[str, ...]
    name: str
    version: str
    summary: str
    fixed: tuple[str, ...]
    """Versions that do not have it any more."""
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerabilities:
    """The outcome of looking. Without a database nothing was looked at, which is not the same as clean."""

    database: str | None
    """Name of the file; None: there was none."""
    dated: str | None
    """The newest change in the database (UTC): what came to be known later is not in it."""
    entries: int = 0
    """Advisories in the database for this ecosystem; 0 means that it says nothing."""
    found: tuple[Vulnerability, ...] = ()
    unjudged: tuple[str, ...] = ()
    """``name version: advisory`` where a version could not be compared."""

    @property
    def looked(self) -> bool:
        """Whether anything was looked at."""
        return self.database is not None and self.entries > 0
