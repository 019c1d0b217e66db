"""A variant: what was chosen that wheel tags cannot express, and what that means for labels and papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A choice for some packages of every target."""

    name: str
    """``[a-z0-9_-]+``; the folder is ``targets/<target>.<name>/``."""
    packages: tuple[str, ...]
    """Normalised names (PEP 503) of what is rebuilt; everything else comes from the baseline."""
    choice: Mapping[str, str]
    """What was chosen on every axis, as it is recorded in the wheel: ``{"blas": "mkl", "simd": "x86-64-v3"}``."""
    local_version: str
    """The local version label (PEP 440) of wheels with this choice: ``mkl.v3``.

    It tells the choice and not the variant's name, so that two variants that choose the same share their wheels."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """What was said of its folders on any axis, and changes no wheel."""
    where: str = ""
    """The table it was written in, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantProperty:
    """What PEP 825 writes as ``x86_64 :: level :: v3``."""

    namespace: str
    feature: str
    value: str
    provider: str | None = None
    """The package that tells an installer whether a host has it (PEP 850); None: every host does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """A library that a choice brought into a wheel, or made the wheel load."""

    kind: str
    """What it is, in a word for people: ``BLAS``."""
    title: str
    version: str = ""
    """Empty: not known."""
    license: str | None = None
    """SPDX expression."""
    restricted: str = ""
    """Why it may not be passed on freely; empty where it may."""
    files: tuple[str, ...] = ()
    """Names of the grafted libraries that it is; none: linked statically, or in another wheel."""
    loaded_from: str = ""
    """Name of the project whose wheel has it, or ``the host``; empty: it is in this wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a wheel's own record tells of one axis, for the papers."""

    axis: str
    properties: Mapping[str, str] = field(default_factory=dict)
    """Of the wheel in the SBOM, by name."""
    ingredient: Ingredient | None = None
