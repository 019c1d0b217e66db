"""The recipe book: ``recipes.toml`` and the user's ``[[recipe]]`` tables as values."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import read
from wheelyard.schema.tables import AnyTable, texts
from wheelyard.variants.axes import AXES
from wheelyard.variants.schema import BookFile, RecipeTable, SystemTable
from wheelyard.variants.settings import Settings, settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """A build system: what all its packages understand."""

    name: str
    backends: tuple[str, ...]
    settings: Mapping[str, Settings]
    """By axis; none: there is no way that all packages of it understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecipe:
    """A package, some of its versions: what it understands beyond its build system."""

    package: str
    versions: SpecifierSet
    system: str | None
    """Name of the build system; None: that of the sdist's build backend."""
    table: RecipeTable
    """What it says of each axis: ``table.part(axis.recipe_keys)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Everything known about how variants reach builds."""

    systems: tuple[BuildSystem, ...]
    recipes: tuple[PackageRecipe, ...]
    checks: Mapping[str, str]
    """Code that lets packages calculate, by normalised name, where no recipe says it."""

    def system_of(self, backend: str) -> BuildSystem | None:
        """Return the build system of a PEP 517 backend."""
        return next((system for system in self.systems if backend in system.backends), None)

    def recipe_for(self, package: str, version: str) -> PackageRecipe | None:
        """Return the first recipe that fits a package (normalised name) and version.

        A release candidate is built as its release is: ``2.4.0rc1`` fits ``>=2.4``, which PEP 440 would not have.
        """
        release = Version(version).base_version
        fitting = (recipe for recipe in self.recipes if recipe.package == package)
        return next((candidate for candidate in fitting if candidate.versions.contains(release)), None)

    def check_of(self, package: str, version: str) -> str | None:
        """Return the code that lets a package (normalised name) calculate: its recipe's, else the one that is known."""
        recipe = self.recipe_for(package, version)
        return (recipe.table.check if recipe else None) or self.checks.get(package)

    def said(self, package: str, version: str, keys: type[AnyTable]) -> AnyTable:
        """Return what the recipe of a package says of an axis; its defaults where there is no recipe."""
        own = self.recipe_for(package, version)
        return own.table.part(keys) if own else keys()


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
        systems=tuple(_system(name, table) for name, table in book.system.items()),
        recipes=tuple(recipe for recipe in recipes if recipe is not None),
        checks=book.check,
    )


def with_recipes(tables: Sequence[RecipeTable]) -> Book:
    """Return the built-in book with the user's ``[[recipe]]`` tables before its own.

    What is wrong is reported at the tables' places, with the key and what to write instead.
    """
    book = builtin()
    if not tables:
        return book
    systems = {system.name for system in book.systems}
    for table in tables:
        if table.system is not None and table.system not in systems:
            table.place.wrong("system", f"{table.system!r} is not known", f"one of: {', '.join(sorted(systems))}")
    own = tuple(recipe for table in tables if (recipe := _recipe(table)))
    return replace(book, recipes=own + book.recipes)


def _system(name: str, table: SystemTable) -> BuildSystem:
    settings = {axis: found for axis, each in table.axes.items() if (found := settings_of(each))}
    return BuildSystem(name=name, backends=texts(table.backends), settings=settings)


def _recipe(table: RecipeTable) -> PackageRecipe | None:
    """Return the recipe of one ``[[recipe]]`` table, or None after a report."""
    before = len(table.place.problems.found)
    try:
        versions = SpecifierSet(table.versions)
    except InvalidSpecifier as error:
        table.place.wrong("versions", f"{error}", 'write versions = ">=1.2,<3"')
        return None
    for axis in AXES.values():
        axis.check_recipe(table.part(axis.recipe_keys))
    if len(table.place.problems.found) > before:
        return None
    return PackageRecipe(package=canonicalize_name(table.package), versions=versions, system=table.system, table=table)
