"""The recipe book: ``recipes.toml`` and the user's ``[[recipe]]`` tables as values."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import cast

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.domain.errors import ConfigError
from wheelyard.variants import simd

_RECIPE_KEYS = frozenset(
    {"package", "versions", "system", "blas", "openblas64", "simd", "levels", "needs", "dispatched", "imports"}
)
_SETTING_KEYS = frozenset({"environment", "config-settings"})


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
    raw = tomllib.loads(resources.files("wheelyard.variants").joinpath("recipes.toml").read_text("utf-8"))
    return Book(
        libraries={name: _library(name, table) for name, table in raw["blas"].items()},
        systems=tuple(_system(name, table) for name, table in raw["system"].items()),
        recipes=tuple(
            _recipe(table, f"recipes.toml, [[recipe]] number {n}") for n, table in enumerate(raw["recipe"], 1)
        ),
    )


def with_recipes(raw: Sequence[object], where: str) -> Book:
    """Return the built-in book with the user's ``[[recipe]]`` tables before its own.

    :raises ConfigError: naming the table, the key and what to write instead.
    """
    book = builtin()
    own = tuple(_recipe(table, f"{where}: [[recipe]] number {number}") for number, table in enumerate(raw, start=1))
    systems = {each.name for each in book.systems}
    for number, each in enumerate(own, start=1):
        if each.system is not None and each.system not in systems:
            raise ConfigError(
                f"{each.system!r} is not known",
                where=f"{where}: [[recipe]] number {number}, system",
                hint=f"one of: {', '.join(sorted(systems))}",
            )
    return replace(book, recipes=own + book.recipes)


def _library(name: str, table: Mapping[str, object]) -> Library:
    return Library(
        name=name,
        title=cast("str", table["title"]),
        licence=cast("str", table["licence"]),
        restricted=cast("str", table.get("restricted", "")),
        threads_variable=cast("str", table.get("threads-variable", "")),
        marks=_words(table, "marks"),
        not_marks=_words(table, "not-marks"),
        static=re.compile(cast("str", table["static"])) if "static" in table else None,
        chooses=cast("bool", table.get("chooses", False)),
        machines=_words(table, "machines"),
        platforms=_words(table, "platforms"),
        sources=tuple(
            Source(
                package=cast("str", each["package"]),
                threads=cast("str", each["threads"]),
                image_packages={name: tuple(found) for name, found in _table(each, "image-packages").items()},
                requires=_words(each, "requires"),
                probe=_words(each, "probe"),
                licences=_words(each, "licences"),
                pc=cast("str", each.get("pc", "")),
                shared=_words(each, "shared"),
                shared_in=cast("str", each.get("shared-in", "")),
                host=_words(each, "host"),
            )
            for each in cast("list[Mapping[str, object]]", table["source"])
        ),
    )


def _system(name: str, table: Mapping[str, object]) -> BuildSystem:
    place = f"recipes.toml, [system.{name}]"
    return BuildSystem(
        name=name,
        backends=_words(table, "backends"),
        simd=_settings(table.get("simd", {}), place),
        blas=_settings(table["blas"], place) if "blas" in table else None,
    )


def _words(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", table.get(key, [])))


def _table(table: Mapping[str, object], key: str) -> Mapping[str, list[str]]:
    return cast("Mapping[str, list[str]]", table.get(key, {}))


def _recipe(table: object, place: str) -> PackageRecipe:
    """Read one ``[[recipe]]`` table."""
    if not isinstance(table, Mapping) or not isinstance(table.get("package"), str):
        raise ConfigError("a recipe is a table with a package", where=place, hint='write package = "…"')
    if unknown := sorted(set(table) - _RECIPE_KEYS):
        raise ConfigError(f"unknown key {unknown[0]!r}", where=place, hint=f"known: {', '.join(sorted(_RECIPE_KEYS))}")
    levels = table.get("levels", {})
    if not isinstance(levels, Mapping) or not all(isinstance(each, str) for each in levels.values()):
        raise ConfigError("must be a table of strings", where=f"{place}, levels", hint='write { x86-64-v3 = "…" }')
    try:
        versions = SpecifierSet(str(table.get("versions", "")))
    except InvalidSpecifier as error:
        raise ConfigError(f"{error}", where=f"{place}, versions", hint='write versions = ">=1.2,<3"') from error
    imports = table.get("imports", [])
    if not isinstance(imports, (list, tuple)) or not all(isinstance(each, str) for each in imports):
        raise ConfigError("must be a list of strings", where=f"{place}, imports", hint='write ["scipy.linalg"]')
    dispatched = table.get("dispatched", [])
    try:
        patterns = tuple(re.compile(each) for each in dispatched)
    except (re.error, TypeError) as error:
        raise ConfigError(
            f"not a list of regular expressions: {error}", where=f"{place}, dispatched", hint="write ['_AVX2$']"
        ) from error
    return PackageRecipe(
        package=canonicalize_name(table["package"]),
        versions=versions,
        system=table.get("system"),
        blas=_settings(table["blas"], f"{place}, blas") if "blas" in table else None,
        openblas64=_settings(table.get("openblas64", {}), f"{place}, openblas64"),
        takes_ilp64="openblas64" in table,
        simd=_settings(table["simd"], f"{place}, simd") if "simd" in table else None,
        levels=levels,
        needs=simd.normalize(str(table.get("needs", "x86-64")), f"{place}, needs"),
        dispatched=patterns,
        imports=tuple(imports),
    )


def _settings(table: object, place: str) -> Settings:
    """Read ``{ environment = {…}, config-settings = {…} }``."""
    if not isinstance(table, Mapping) or not set(table) <= _SETTING_KEYS:
        raise ConfigError("must be a table", where=place, hint="its keys are environment and config-settings")
    environment, config = table.get("environment", {}), table.get("config-settings", {})
    if not isinstance(environment, Mapping) or not all(isinstance(each, str) for each in environment.values()):
        raise ConfigError("must be a table of strings", where=f"{place}.environment", hint='write { CFLAGS = "…" }')
    if not isinstance(config, Mapping):
        raise ConfigError("must be a table", where=f"{place}.config-settings", hint='write { setup-args = ["…"] }')
    settings: dict[str, str | tuple[str, ...]] = {}
    for key, value in config.items():
        if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            settings[key] = tuple(value)
        elif isinstance(value, str):
            settings[key] = value
        else:
            raise ConfigError(
                "must be a string or a list of strings",
                where=f"{place}.config-settings.{key}",
                hint='write "…" or ["…"]',
            )
    return Settings(environment=environment, config_settings=settings)
