"""What the house asks of an axis: one kind of choice that wheel tags cannot express.

The stages know no axis by name. They ask each in turn, in the order of ``AXES``: when the configuration is read, when a
variant is locked and its recipes are made, while a wheel is finished, when a folder is proven and published, and when
the papers are written. An axis that has nothing to say to a question inherits the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.proof import Probe
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Told, Variant, VariantProperty
from wheelyard.sandbox.workspace import Workspace
from wheelyard.schema.tables import Table
from wheelyard.store.blobs import Store
from wheelyard.variants.settings import Settings

Keys = TypeVar("Keys", bound=Table)
RecipeKeys = TypeVar("RecipeKeys", bound=Table)

Choice: TypeAlias = Mapping[str, str]
"""What was chosen on every axis, as a recipe carries it and a wheel records it: an axis reads its own keys."""


class NoKeys(Table, frozen=True):
    """Keys of an axis that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the choices that a ``[[variant]]`` table has on an axis."""

    choice: Choice = field(default_factory=dict)
    """What is recorded of it."""
    name: tuple[str, ...] = ()
    """Its words in the name of a variant."""
    label: tuple[str, ...] = ()
    """Its words in the local version; none: it changes nothing."""
    terms: Choice = field(default_factory=dict)
    """What holds for the variant's folders and changes no wheel: it is not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """The compiler of an image, as archspec names it."""

    name: str
    version: str


class BuildImage(Protocol):
    """Questions to the place where a target's sdists are built."""

    @property
    def installs(self) -> bool:
        """Whether packages of its distribution can be added."""

    def with_packages(self, packages: Sequence[str]) -> BuildImage:
        """Return the same place with these packages added."""

    def digests(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the SHA-256 of files by path; a file that is not there is left out."""

    def version(self, texts: Sequence[str]) -> str:
        """Return the version of the package that licence texts belong to; empty where nobody tells."""

    def compiler(self, where: str) -> Compiler:
        """Return the C compiler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What has to be there before anything of a variant is built."""

    build_requirements: tuple[str, ...] = ()
    """Of each rebuilt package, beside those of its sdist."""
    image_packages: tuple[str, ...] = ()
    """Packages of the distribution."""
    requirements: tuple[str, ...] = ()
    """Of the folder: what the rebuilt packages need on the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building(Generic[RecipeKeys]):
    """One package that is to be built for a variant."""

    package: str
    """Normalised name."""
    target: Target
    where: str
    """Package, variant and target, for messages."""
    said: RecipeKeys
    """What the package's recipe says of the axis."""
    system: Settings | None
    """What its build system takes; None: it has no way that all its packages understand."""
    image: BuildImage
    locked: Mapping[str, str]
    """Versions of the build requirements, by normalised name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What a choice adds to a build."""

    settings: tuple[Settings, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    """For the braces in settings, also in those of other axes."""
    pkg_config: Mapping[str, str] = field(default_factory=dict)
    """pkg-config files by name."""
    licences: tuple[str, ...] = ()
    """Where licence texts are that the wheel has to carry: names of build requirements, or paths in the image."""
    dispatched: tuple[str, ...] = ()
    """Functions (regular expressions) that the package calls only after asking the CPU."""
    warning: str = ""
    """What a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """Code of others that a choice links into the package's own objects: no axis judges it as the package's."""

    functions: re.Pattern[str]
    """Its global functions."""
    inside: Callable[[bytes], object]
    """Whether an object has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt(Generic[RecipeKeys]):
    """A package of a variant that is to be proven."""

    modules: Sequence[str]
    """Its top-level modules."""
    said: RecipeKeys
    """What its recipe says of the axis."""
    checked: bool = False
    """Whether it has a check of its own, which lets it calculate."""


def several(table: Table, key: str, value: str | tuple[str, ...] | None) -> Sequence[str | None]:
    """Return a choice that may be one or several as several; one that was not made is None.

    An empty list, and one that names something twice, are reported.
    """
    if not isinstance(value, tuple):
        return (value,)
    if not value:
        table.place.wrong(key, "the list is empty", "name at least one, or leave the key out")
    if len(set(value)) != len(value):
        table.place.wrong(key, "the list names something twice", "name each once")
    return value


class Axis(Generic[Keys, RecipeKeys]):
    """An axis. ``name`` and ``keys`` have to be given; every method has an answer that changes nothing."""

    name: str
    """In recipes, in the needs of a folder, in the record of a wheel: ``simd``."""
    keys: type[Keys]
    """Its keys of ``[[variant]]``; the one of its own name is the choice."""
    recipe_keys: type[RecipeKeys]
    """Its keys of ``[[recipe]]``."""

    # The configuration

    def options(self, table: Keys) -> Sequence[Option]:
        """Return the choices of one ``[[variant]]`` table; what is wrong is reported at the table's place."""
        values = several(table, self.name, getattr(table, self.name.replace("-", "_")))
        return [
            Option(choice={self.name: value}, name=(value,), label=(value,)) if value else Option() for value in values
        ]

    def check_recipe(self, table: RecipeKeys) -> None:
        """Report what is wrong in a ``[[recipe]]`` table, at its place."""

    # The build

    def check_target(self, choice: Choice, target: Target, where: str) -> None:
        """Refuse a choice that no host of a target can have.

        :raises VariantError: saying why.
        """

    def prepare(self, choice: Choice, target: Target, image: BuildImage, where: str) -> Prepared:
        """Return what has to be locked and installed for a choice.

        :raises VariantError: if it is not to be had.
        """
        return Prepared()

    def contribute(self, choice: Choice, building: Building[RecipeKeys]) -> Contribution:
        """Return what a choice adds to the build of one package.

        :raises VariantError: if the package cannot be told, or the compiler cannot do it.
        """
        return Contribution()

    def expand(self, place: Workspace) -> Recipe:
        """Return a build's recipe with what is known only now that the build environment exists.

        :raises VariantError: if it cannot be found out.
        """
        return place.recipe

    # The finished wheel

    def provided(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the names (``fnmatch`` patterns) of libraries that come from elsewhere: repair grafts none of them."""
        return ()

    def linked(self, choice: Choice) -> Linked | None:
        """Return the code of others that is linked into objects for a choice."""
        return None

    def check(
        self, unit: BuildUnit, wheel: Path, scratch: Path, *, said: RecipeKeys, linked: Sequence[Linked] = ()
    ) -> None:
        """Refuse a repaired wheel, of a variant or of none, that is not what was asked for.

        :param scratch: a folder for objects that are looked at.
        :param said: what the recipe that comes with Wheelyard says of the axis.
        :raises VariantError: saying what was found, and where.
        """

    def rework(self, unit: BuildUnit, repaired: Repaired, place: Workspace) -> Repaired:
        """Return a variant's repaired wheel as it has to be on the host."""
        return repaired

    def record(self, unit: BuildUnit, repaired: Repaired, texts: Sequence[str]) -> Mapping[str, object] | None:
        """Return what a wheel says of this axis beside the choice, as JSON; None: nothing.

        :param texts: names of the licence texts that it carries for the variant.
        """
        return None

    # The folder

    def check_folder(self, variant: Variant, wheels: Mapping[str, str], store: Store, where: str) -> None:
        """Refuse a folder whose wheels, rebuilt or not, do not go together; asked before anything is built, too.

        :param wheels: those that are there, by file name their SHA-256.
        :raises VariantError: naming the wheels.
        """

    def not_run_here(self, choice: Choice) -> str | None:
        """Return why this machine must not run code of a choice, or None if it can."""
        return None

    def probe(self, choice: Choice, rebuilt: Sequence[Rebuilt[RecipeKeys]]) -> Probe | None:
        """Return what is to be asked where the folder is installed and imports; None: nothing.

        :param choice: with the terms of the folder.
        :raises ToolError: if what it is asked with is not installed.
        """
        return None

    def need(self, choice: Choice) -> str | None:
        """Return what a host must have, as the manifest says it; None where every host of the target will do."""
        return None

    def describe(self, need: str) -> str:
        """Return a need in words for people, behind "needs"."""
        return f"{self.name} {need}"

    def properties(self, choice: Choice) -> tuple[VariantProperty, ...]:
        """Return what a label says of a choice, for installers that know variants (PEP 825).

        :raises VariantError: if no installer can tell whether a host has it.
        """
        return ()

    # The papers

    def told(self, note: Mapping[str, object]) -> Told | None:
        """Return what a wheel's record tells of this axis; None: nothing that makes sense."""
        variant = note.get("variant")
        chosen = variant.get(self.name) if isinstance(variant, dict) else None
        return Told(axis=self.name, properties={self.name: chosen}) if isinstance(chosen, str) else None
