"""The recipe book: ``recipes.toml`` and the user's ``[[recipe]]`` tables as values."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import read
from wheelyard.schema.tables import texts
from wheelyard.variants.schema import BookFile, LibraryTable, RecipeTable, SettingsTable, SourceTable, SystemTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a build is given: environment variables and PEP 517 config settings, with words in braces to fill in."""

    environment: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One way to have a BLAS: as build requirements, or from the image."""

    package: str
    """The name that pkg-config knows it by."""
    threads: str
    requires: tuple[str, ...] = ()
    """Names of build requirements, to be locked."""
    probe: tuple[str, ...] = ()
    """Files that an image has which has the library."""
    image_packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What brings it into an image: names of the distribution's packages, by its package manager."""
    licences: tuple[str, ...] = ()
    """Where its licence texts are: names of build requirements, or absolute paths in the image."""
    pc: str = ""
    """The pkg-config file."""
    shared: tuple[str, ...] = ()
    """Names (``fnmatch`` patterns) of its libraries that others can load from the first requirement's wheel; none: they
    cannot."""
    shared_in: str = ""
    """Where that wheel puts them, relative to site-packages."""
    host: tuple[str, ...] = ()
    """Names (patterns) of its libraries that a host has of its own, and that are grafted for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A BLAS."""

    name: str
    title: str
    licence: str
    """SPDX expression."""
    sources: tuple[Source, ...]
    restricted: str = ""
    """Why redistribution deserves a second look; empty where it does not."""
    threads_variable: str = ""
    marks: tuple[str, ...] = ()
    """Texts that are all in its binary; none for netlib's, which is known by having no other's."""
    not_marks: tuple[str, ...] = ()
    """Texts that are not."""
    static: re.Pattern[str] | None = None
    """Its global functions, where it is linked statically."""
    chooses: bool = False
    """It has no code of its own, and loads the BLAS that the host's admin chose."""
    machines: tuple[str, ...] = ()
    """Empty: any."""
    platforms: tuple[str, ...] = ()
    """Beginnings of platform tags; empty: Linux's."""

    def packages(self, threads: str | None) -> Mapping[str, tuple[str, ...]]:
        """Return what brings it into an image, by package manager.

        :param threads: None: the library's default.
        """
        known: dict[str, tuple[str, ...]] = {}
        for source in self.sources:
            if threads in (None, source.threads):
                for name, found in source.image_packages.items():
                    known.setdefault(name, found)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """A build system: what all its packages understand."""

    name: str
    backends: tuple[str, ...]
    simd: Settings = Settings()
    blas: Settings | None = None
    """None: there is no way that all packages of it understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecipe:
    """A package, some of its versions: what it understands beyond its build system."""

    package: str
    versions: SpecifierSet
    system: str | None = None
    """Name of the build system; None: that of the sdist's build backend."""
    blas: Settings | None = None
    openblas64: Settings = Settings()
    """Added to ``blas`` for 64-bit integers; a package without it has no such build."""
    simd: Settings | None = None
    """None: what its build system takes."""
    levels: Mapping[str, str] = field(default_factory=dict)
    """Its own words for levels, by psABI level."""
    needs: str = "x86-64"
    """The psABI level that it needs however it is built, as its own wheels do."""
    dispatched: tuple[re.Pattern[str], ...] = ()
    takes_ilp64: bool = False
    imports: tuple[str, ...] = ()
    """Modules that load its BLAS; empty: its top-level ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything known about how variants reach builds."""

    libraries: Mapping[str, Library]
    systems: tuple[BuildSystem, ...]
    recipes: tuple[PackageRecipe, ...]

    def system_of(self, backend: str) -> BuildSystem | None:
        """Return the build system of a PEP 517 backend."""
        return next((each for each in self.systems if backend in each.backends), None)

    def recipe_for(self, package: str, version: str) -> PackageRecipe | None:
        """Return the first recipe that fits a package (normalised name) and version.

        A release candidate is built as its release is: ``2.4.0rc1`` fits ``>=2.4``, which PEP 440 would not have.
        """
        release = Version(version).base_version
        fitting = (each for each in self.recipes if each.package == package)
        return next((each for each in fitting if each.versions.contains(release)), None)


@functools.cache
def builtin() -> Book:
    """Return the book that comes with Wheelyard."""
    file = resources.files("wheelyard.variants").joinpath("recipes.toml")
    problems = Problems()
    raw = tomllib.loads(file.read_text("utf-8"))
    book = read(BookFile, raw, Location(file=Path("recipes.toml"), problems=problems))
    recipes = [_recipe(table) for table in book.recipe] if book else []
    problems.check()
    assert book is not None  # noqa: S101  (there were no problems)
    return Book(
        libraries={name: _library(name, table) for name, table in book.blas.items()},
        systems=tuple(_system(name, table) for name, table in book.system.items()),
        recipes=tuple(each for each in recipes if each is not None),
    )


def with_recipes(tables: Sequence[RecipeTable]) -> Book:
    """Return the built-in book with the user's ``[[recipe]]`` tables before its own.

    What is wrong is reported at the tables' places, with the key and what to write instead.
    """
    book = builtin()
    if not tables:
        return book
    systems = {each.name for each in book.systems}
    for table in tables:
        if table.system is not None and table.system not in systems:
            table.place.wrong("system", f"{table.system!r} is not known", f"one of: {', '.join(sorted(systems))}")
    own = tuple(recipe for table in tables if (recipe := _recipe(table)))
    return replace(book, recipes=own + book.recipes)


def _library(name: str, table: LibraryTable) -> Library:
    return Library(
        name=name,
        title=table.title,
        licence=table.licence,
        restricted=table.restricted or "",
        threads_variable=table.threads_variable or "",
        marks=texts(table.marks),
        not_marks=texts(table.not_marks),
        static=re.compile(table.static) if table.static else None,
        chooses=table.chooses,
        machines=texts(table.machines),
        platforms=texts(table.platforms),
        sources=tuple(_source(each) for each in table.source),
    )


def _source(table: SourceTable) -> Source:
    return Source(
        package=table.package,
        threads=table.threads,
        requires=texts(table.requires),
        probe=texts(table.probe),
        image_packages=table.image_packages,
        licences=texts(table.licences),
        pc=table.pc or "",
        shared=texts(table.shared),
        shared_in=table.shared_in or "",
        host=texts(table.host),
    )


def _system(name: str, table: SystemTable) -> BuildSystem:
    return BuildSystem(
        name=name, backends=texts(table.backends), simd=_given(table.simd) or Settings(), blas=_given(table.blas)
    )


def _recipe(table: RecipeTable) -> PackageRecipe | None:
    """Return the recipe of one ``[[recipe]]`` table, or None after a report."""
    try:
        versions = SpecifierSet(table.versions)
    except InvalidSpecifier as error:
        table.place.wrong("versions", f"{error}", 'write versions = ">=1.2,<3"')
        return None
    try:
        patterns = tuple(re.compile(each) for each in texts(table.dispatched))
    except re.error as error:
        table.place.wrong("dispatched", f"not a list of regular expressions: {error}", "write ['_AVX2$']")
        return None
    return PackageRecipe(
        package=canonicalize_name(table.package),
        versions=versions,
        system=table.system,
        blas=_given(table.blas),
        openblas64=_given(table.openblas64) or Settings(),
        takes_ilp64=table.openblas64 is not None,
        simd=_given(table.simd),
        levels=table.levels,
        needs=table.needs,
        dispatched=patterns,
        imports=texts(table.imports),
    )


def _given(table: SettingsTable | None) -> Settings | None:
    if table is None:
        return None
    environment = {name: str(value) for name, value in table.environment.items()}
    return Settings(environment=environment, config_settings=table.config_settings)
