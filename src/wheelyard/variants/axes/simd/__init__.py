"""The axis of the instruction level: what a CPU must have, from the psABI's levels or by the name of a CPU."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import VariantError, WheelyardError
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Told, VariantProperty
from wheelyard.schema.tables import texts
from wheelyard.variants.axes.protocol import Axis, Building, Choice, Contribution, Linked, Option, several
from wheelyard.variants.axes.simd import levels
from wheelyard.variants.axes.simd.schema import SimdKeys, SimdRecipeKeys
from wheelyard.variants.settings import settings_of

_ARM = re.compile(r"armv(\d+\.\d+)-a")


class Simd(Axis[SimdKeys, SimdRecipeKeys]):
    """The key ``simd`` of a choice; a table without it chooses the baseline."""

    name = "simd"
    keys = SimdKeys
    recipe_keys = SimdRecipeKeys

    def options(self, table: SimdKeys) -> Sequence[Option]:
        """Return each level, in its one spelling."""
        found = []
        for text in several(table, "simd", table.simd):
            try:
                level = levels.normalize(text or levels.BASELINE, table.place.where("simd"))
            except WheelyardError as error:
                table.place.problems.found.append(error)
                continue
            word = levels.short_name(level)
            label = () if level == levels.BASELINE else (word,)
            found.append(Option(choice={"simd": level}, name=(word,), label=label))
        return found

    def check_recipe(self, table: SimdRecipeKeys) -> None:
        """Report what is no regular expression."""
        try:
            for text in texts(table.dispatched):
                re.compile(text)
        except re.error as error:
            table.place.wrong("dispatched", f"not a list of regular expressions: {error}", "write ['_AVX2$']")

    def check_target(self, choice: Choice, target: Target, where: str) -> None:
        """Refuse a level of another architecture."""
        levels.check_machine(_level(choice), target.machine, where)

    def contribute(self, choice: Choice, building: Building[SimdRecipeKeys]) -> Contribution:
        """Return the compiler's flags, or the package's own option where it has one: both would fight."""
        said, level = building.said, _level(choice)
        compiler = building.image.compiler(f"target {building.target.name}")
        flags = " ".join(levels.compiler_flags(level, compiler.name, compiler.version, building.where))
        words = {"cflags": flags, "rust-cpu": flags.partition("-march=")[2].partition(" ")[0] or "generic"}
        if level == levels.BASELINE:
            return Contribution(words=words, dispatched=texts(said.dispatched))
        words["level"] = _own_word(level, building)
        settings = settings_of(said.simd) or building.system
        return Contribution(
            settings=(settings,) if settings is not None else (), words=words, dispatched=texts(said.dispatched)
        )

    def check(
        self, unit: BuildUnit, wheel: Path, scratch: Path, *, said: SimdRecipeKeys, linked: Sequence[Linked] = ()
    ) -> None:
        """Refuse instructions that were not asked for, and of a variant that has none of those that were."""
        # late: its reader of objects is large, and a run that has nothing to do reads none
        from wheelyard.variants.axes.simd.check import check_wheel

        check_wheel(unit, wheel, scratch, said=said, linked=linked)

    def not_run_here(self, choice: Choice) -> str | None:
        """Return what this CPU lacks."""
        return levels.not_run_here(_level(choice))

    def need(self, choice: Choice) -> str | None:
        """Return a psABI level, and what is needed beyond it."""
        return levels.for_host(_level(choice))

    def describe(self, need: str) -> str:
        """Return a level in words."""
        return f"a CPU of level {need}"

    def properties(self, choice: Choice) -> tuple[VariantProperty, ...]:
        """Return the level as providers know it: the psABI levels, the versions of Arm, and no CPU by name."""
        level = _level(choice)
        if level in levels.X86_LEVELS:
            return (_property("x86_64", "level", levels.short_name(level), "x86-64-variant-provider"),)
        if arm := _ARM.fullmatch(level):
            return (_property("aarch64", "version", f"{arm[1]}a", "aarch64-variant-provider"),)
        if level == levels.BASELINE:
            return ()
        raise VariantError(f"no installer can tell which CPU has what {level} has")

    def told(self, note: Mapping[str, object]) -> Told | None:
        """Return the level; nothing of a baseline."""
        told = super().told(note)
        return None if told is None or told.properties["simd"] == levels.BASELINE else told


def _level(choice: Choice) -> str:
    return choice.get("simd", levels.BASELINE)


def _property(namespace: str, feature: str, value: str, provider: str) -> VariantProperty:
    # uv has both providers inside, and installs nothing for them.
    return VariantProperty(namespace=namespace, feature=feature, value=value, provider=provider)


def _own_word(level: str, building: Building[SimdRecipeKeys]) -> str:
    """Return the package's own word for the level, if it has words of its own."""
    words = building.said.levels
    if not words:
        return ""
    name = list(levels.X86_LEVELS)[levels.psabi_level(level) - 1]
    if name not in words:
        raise VariantError(
            f"{building.package} has no word for {level}", where=building.where, hint=f"it has: {', '.join(words)}"
        )
    return words[name]
