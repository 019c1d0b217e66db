"""What a build is: a pure function of its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one package is to be built: what ``[packages.NAME]`` of ``wheelyard.toml`` says, and a variant adds."""

    environment: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    patches: tuple[Path, ...] = ()
    image_packages: tuple[str, ...] = ()
    local_version: str | None = None
    """For a variant: the local version label (``openblas.v3``) that the finished wheel gets."""
    variant: Mapping[str, str] = field(default_factory=dict)
    """The choice, recorded in the wheel: ``{"blas": "mkl", "simd": "x86-64-v3"}``."""
    pkg_config: Mapping[str, str] = field(default_factory=dict)
    """pkg-config files that the build sees before any other, by name; ``{environment}`` and ``{purelib}`` stand for
    the build environment's folder and site-packages."""
    licences: tuple[str, ...] = ()
    """Where licence texts are that the wheel has to carry besides its own: names of build requirements, or absolute
    paths in the image."""
    build_number: int = 0
    """That the finished wheel gets (PEP 427); 0: none."""
    dispatched: tuple[str, ...] = ()
    """Functions (regular expressions) that the package calls only after asking the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildUnit:
    """One wheel to make: an sdist for a target, with its locked build requirements."""

    package: LockedPackage
    target: Target
    recipe: Recipe
    toolchain: str
    """Identity of what compiles: the image's digest, or compiler and C library of the machine."""
    key: str
    """The build key (hexadecimal SHA-256): same key, same wheel."""
    requires: tuple[str, ...] = ()
    """Build keys of the build requirements that must themselves be built first."""
    parts: tuple[str, ...] = ()
    """Build keys of the same package for one CPU each, Intel first, whose wheels this one is fused from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """The outcome of a build, kept under its key in the store: a repaired, checked wheel."""

    key: str
    filename: str
    sha256: str
    size: int
    platform_policy: str = ""
    """The platform tag that the wheel earned."""
    grafted: tuple[str, ...] = ()
    """File names of the libraries that repair put in."""
    sandbox: str = ""
    """Name of the sandbox it was built in."""
    seconds: float = 0.0
    prefetched: tuple[str, ...] = ()
    """Package URLs of what its build took from other registries: crates, npm packages, Go modules."""
    recipe: str = ""
    """Digest of the sdist and of what the configuration says of its build: not of the tools that built it."""
