"""``[[variant]]`` and ``[[recipe]]``, declared: what is said there of any choice. Each axis declares its own keys."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from wheelyard.schema.tables import Table, Text, Texts
from wheelyard.variants.axes import AXES
from wheelyard.variants.settings import SettingsTable


class VariantTable(Table, frozen=True):
    """`[[variant]]`: packages that are compiled again for a choice; lists make a matrix."""

    packages: Annotated[Texts, Meta(description="what is compiled again", examples=[["numpy", "scipy"]])]
    name: Annotated[
        Text | None, Meta(description="`[a-z0-9_-]+`; also the folder, behind the target", examples=["v3-mkl"])
    ] = None

    @classmethod
    def parts(cls) -> tuple[type[Table], ...]:
        """Return the keys of every axis."""
        return tuple(axis.keys for axis in AXES.values())


class RecipeTable(Table, frozen=True):
    """`[[recipe]]`: how a package is told of a variant."""

    package: Annotated[Text, Meta(description="the package", examples=["numpy"])]
    versions: Annotated[str, Meta(description="the versions it is for (PEP 440)", examples=[">=1.2,<3"])] = ""
    system: Annotated[Text | None, Meta(description="its build system", examples=["meson-python"])] = None
    check: Annotated[
        Text | None,
        Meta(
            description="Python code that calculates something and compares it, for the proof",
            examples=["import mypackage; assert mypackage.area(2, 3) == 6"],
        ),
    ] = None

    @classmethod
    def parts(cls) -> tuple[type[Table], ...]:
        """Return the keys of every axis."""
        return tuple(axis.recipe_keys for axis in AXES.values())


class SystemTable(Table, frozen=True):
    """`[system.NAME]` of the recipes that come with Wheelyard."""

    backends: Texts
    axes: dict[str, SettingsTable] = field(default_factory=dict)
    """By axis, what all its packages are given for a choice."""


class BookFile(Table, frozen=True):
    """The file of recipes that comes with Wheelyard."""

    system: dict[str, SystemTable]
    recipe: tuple[RecipeTable, ...]
    check: dict[str, str]
    """By package (normalised name), code that lets it calculate."""
