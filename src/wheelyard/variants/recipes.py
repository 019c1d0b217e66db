"""From a variant and a package to the recipe of its build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import VariantError
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Variant
from wheelyard.sandbox.workspace import Workspace
from wheelyard.variants.axes import AXES
from wheelyard.variants.axes.protocol import BuildImage, Building, Contribution, Prepared
from wheelyard.variants.book import Book, BuildSystem, PackageRecipe
from wheelyard.variants.settings import merge


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRecipe:
    """How one package is built for one variant."""

    recipe: Recipe
    warnings: tuple[str, ...] = ()
    """What a person should know: redistribution is restricted."""


def check_target(variant: Variant, target: Target, where: str) -> None:
    """Refuse a variant that no host of a target can have.

    :raises VariantError: saying why.
    """
    for axis in AXES.values():
        axis.check_target(variant.choice, target, where)


def prepare(variant: Variant, target: Target, image: BuildImage, where: str) -> Prepared:
    """Return what has to be locked and installed before anything of a variant is built.

    :raises VariantError: if it is not to be had.
    """
    each = [axis.prepare(variant.choice, target, image, where) for axis in AXES.values()]
    return Prepared(
        build_requirements=tuple(name for one in each for name in one.build_requirements),
        image_packages=tuple(name for one in each for name in one.image_packages),
        requirements=tuple(name for one in each for name in one.requirements),
    )


def make_recipe(
    variant: Variant,
    *,
    package: str,
    version: str,
    backend: str,
    target: Target,
    image: BuildImage,
    book: Book,
    base: Recipe,
    locked: Mapping[str, str],
) -> VariantRecipe:
    """Return the recipe of one package for a variant.

    :param package: normalised name.
    :param backend: the sdist's PEP 517 build backend.
    :param base: what the configuration says of the package; the variant adds to it.
    :param locked: versions of the build requirements, by normalised name.
    :raises VariantError: if there is no recipe, no host of the target can have what was chosen, the compiler cannot do
        it, or it is not in the image.
    """
    where = f"{package} {version}, variant {variant.name}, target {target.name}"
    check_target(variant, target, where)
    system = _system(book, book.recipe_for(package, version), backend, where)
    parts: list[Contribution] = []
    for axis in AXES.values():
        building = Building(
            package=package,
            target=target,
            where=where,
            said=book.said(package, version, axis.recipe_keys),
            system=system.settings.get(axis.name),
            image=image,
            locked=locked,
        )
        parts.append(axis.contribute(variant.choice, building))
    words = {name: word for part in parts for name, word in part.words.items()}
    recipe = merge(base, [settings for part in parts for settings in part.settings], words)
    return VariantRecipe(
        recipe=replace(
            recipe,
            local_version=variant.local_version,
            variant=variant.choice,
            pkg_config={name: text for part in parts for name, text in part.pkg_config.items()},
            licences=tuple(licence for part in parts for licence in part.licences),
            dispatched=(*base.dispatched, *(pattern for part in parts for pattern in part.dispatched)),
        ),
        warnings=tuple(part.warning for part in parts if part.warning),
    )


def expand(place: Workspace) -> Workspace:
    """Return a variant's workspace, whose recipe then says what is known only where the build environment exists.

    :raises VariantError: if it cannot be found out.
    """
    for axis in AXES.values():
        place = replace(place, recipe=axis.expand(place))
    return place


def _system(book: Book, own: PackageRecipe | None, backend: str, where: str) -> BuildSystem:
    named = own.system if own else None
    system = next((candidate for candidate in book.systems if candidate.name == named), None) or book.system_of(backend)
    if system is None:
        known = ", ".join(candidate.name for candidate in book.systems)
        raise VariantError(
            f"there is no recipe for the build backend {backend}",
            where=where,
            hint=f"add a [[recipe]] for the package that names a system ({known})",
        )
    return system
