"""``wheelyard.toml`` as values. Frozen; everything optional has its default here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wheelyard.domain.foreign_lock import ForeignLock
from wheelyard.domain.index import IndexSource, IndexStrategy
from wheelyard.domain.requirement import Requirement
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Variant
from wheelyard.policy.model import AdmissionPolicy
from wheelyard.variants.book import Book, builtin


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRule:
    """``[packages.NAME]``: what is special about one package."""

    name: str
    build: Literal["auto", "always", "never"] = "auto"
    """``always``: from source even where a wheel fits; ``never``: a wheel or an error."""
    index: str | None = None
    """The one index that this name may come from."""
    environment: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    patches: tuple[Path, ...] = ()
    build_requires: tuple[str, ...] = ()
    """Extra build requirements, or pins for the ones the sdist asks for."""
    image_packages: tuple[str, ...] = ()
    dispatched: tuple[str, ...] = ()
    """Functions, source files or objects (regular expressions) that run only after the CPU was asked."""
    build_number: int = 0
    """Of the wheel that is compiled here (PEP 427), for one that has to have another name than before; 0: none."""
    imports: tuple[str, ...] | None = None
    """Modules to import as proof; None: every top-level module."""
    check: str | None = None
    """Python code that calculates something and compares it, as a part of the proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that ``wheelyard.toml`` says, with requirements files read."""

    path: Path
    """The configuration file, or the requirements file that stood in for it."""
    requirements: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...] = ()
    locks: tuple[ForeignLock, ...] = ()
    """What other tools have locked: their versions are kept, for each target those that are meant for it."""
    overrides: tuple[str, ...] = ()
    """PEP 508 lines that stand in for whatever anybody asks of these names."""
    excluded: frozenset[str] = frozenset()
    """Normalised names that nobody gets, whoever asks."""
    same_versions: bool | frozenset[str] = False
    """Whether all targets get the same version of everything; or of which normalised names."""
    target_constraints: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    """What holds for one target alone, by its name."""
    targets: tuple[Target, ...] = ()
    """Never empty once loaded: without ``[[target]]`` it is this machine's Python and platform."""
    indexes: tuple[IndexSource, ...] = ()
    """In order; empty: those that the user's pip is configured for."""
    default_indexes: bool = True
    """Whether the indexes that the user's pip is configured for are asked as well, after ``indexes``; False where the
    configuration names an index of its own, or forbids any (``no-index``)."""
    index_strategy: IndexStrategy = "one-index"
    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """User name and password by ``scheme://host[:port]``, from URLs that had them; never written or shown."""
    queries: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """What was behind the ``?`` of URLs that are required directly, by the URL up to there: it may be a token."""
    packages: Mapping[str, PackageRule] = field(default_factory=dict)
    """By normalised name."""
    rebuilt: Mapping[str, PackageRule] = field(default_factory=dict)
    """A variant's rules: they replace ``packages`` for what is locked, but not for what is needed to build that."""
    only_binary: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    """Normalised names, or ``:all:``; a package rule wins over both."""
    prereleases: bool = False
    resolver: Literal["uv", "pip-tools"] = "uv"
    build: BuildSettings = field(default_factory=BuildSettings)
    prefer_binary: bool = False
    """Rather an older version with a fitting wheel than a newer one to be built (pip's ``--prefer-binary``)."""
    variants: tuple[Variant, ...] = ()
    """In the admin's order of preference."""
    variant_wheels: bool = False
    """Whether each target gets one more folder, with its variants labelled as in the drafts PEP 825 and 850."""
    recipe_book: Book = field(default_factory=builtin, repr=False)
    """How packages are told of a variant: ``[[recipe]]`` tables, before those that come with Wheelyard."""
    site_name: str = "Wheelhouse"
    """On every page."""
    contact: str = ""
    """Whom to ask: a mail address, a URL, or words; empty: not said."""
    build_logs: bool = False
    """Whether the logs of builds are published."""
    policy: AdmissionPolicy = field(default_factory=AdmissionPolicy, repr=False)
    """What may enter the wheelhouse."""
    wheelhouse: Path = Path("wheelhouse")
    """Absolute once loaded."""
    keys: tuple[Path, ...] = ()
    """SSH keys that sign what is published."""

    @property
    def rules(self) -> Mapping[str, PackageRule]:
        """What holds for the packages that are locked themselves, by normalised name."""
        return {**self.packages, **self.rebuilt}

    @property
    def root(self) -> Path:
        """The folder that relative paths and lock files belong to."""
        return self.path.parent
