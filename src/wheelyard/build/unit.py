"""From a lock to build units: every sdist of it, and every sdist that those need to be built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wheelyard.build.key import build_key
from wheelyard.config.model import Config
from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.repair.repair import repairer_for
from wheelyard.toolchain.universal2 import parts

_PLAIN = Recipe()


def recipes_of(config: Config, *, to_build: bool = False) -> Mapping[str, Recipe]:
    """Return what ``[packages.NAME]`` says about building, by normalised name; patches as absolute paths.

    :param to_build: of what is needed to build others, which is no variant's.
    """
    return {
        name: Recipe(
            environment=rule.environment,
            config_settings=dict(rule.config_settings),
            patches=tuple(config.root / patch for patch in rule.patches),
            image_packages=rule.image_packages,
            dispatched=rule.dispatched,
            build_number=rule.build_number,
        )
        for name, rule in (config.packages if to_build else config.rules).items()
    }


def limits_of(settings: BuildSettings) -> Limits:
    """Return what one build may use, by the configuration."""
    return Limits(seconds=settings.timeout, memory=settings.memory)


def units_of(
    packages: Iterable[LockedPackage],
    target: Target,
    recipes: Mapping[str, Recipe],
    toolchain: str,
    *,
    builds_on: tuple[Target, str] | None = None,
    tools: Mapping[str, Recipe] | None = None,
    epoch: int = 315532800,
) -> tuple[BuildUnit, ...]:
    """Return a unit for each sdist among locked packages, those that others need first, each key once.

    :param recipes: by normalised name; a package without one is built plainly.
    :param toolchain: identity of what compiles: ``key.local_toolchain()``, or the image's digest.
    :param builds_on: what build requirements run on, and the identity of what compiles them; None: the target's own.
    :param tools: recipes of what is only needed to build others; None: the same.
    :param epoch: SOURCE_DATE_EPOCH, seconds.
    """
    units: dict[str, BuildUnit] = {}
    for package in packages:
        if package.how == "build":
            _add(units, package, target, recipes, recipes if tools is None else tools, toolchain, builds_on, epoch)
    return tuple(units.values())


def _add(
    units: dict[str, BuildUnit],
    package: LockedPackage,
    target: Target,
    recipes: Mapping[str, Recipe],
    tools: Mapping[str, Recipe],
    toolchain: str,
    builds_on: tuple[Target, str] | None,
    epoch: int,
) -> str:
    """Add the unit of a package after those it needs or is fused from, and return its key."""
    recipe = recipes.get(package.name, _PLAIN)
    repairer = repairer_for(target.platform).identity()
    if thin := parts(target):
        made = tuple(_add(units, package, half, recipes, tools, toolchain, builds_on, epoch) for half in thin)
        key = build_key(package, target, recipe, toolchain, repairer=repairer, requires=made, epoch=epoch)
        fused = BuildUnit(package=package, target=target, recipe=recipe, toolchain=toolchain, key=key, parts=made)
        units.setdefault(key, fused)
        return key
    machine, native = builds_on or (target, toolchain)
    requires = tuple(
        _add(units, needed, machine, tools, tools, native, None, epoch)
        for needed in package.build_requirements
        if needed.how == "build"
    )
    key = build_key(package, target, recipe, toolchain, repairer=repairer, requires=requires, epoch=epoch)
    units.setdefault(
        key,
        BuildUnit(package=package, target=target, recipe=recipe, toolchain=toolchain, key=key, requires=requires),
    )
    return key
