"""Does a wheel need the instructions that were asked for, and no others?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import VariantError
from wheelyard.schema.tables import texts
from wheelyard.variants.axes.protocol import Linked
from wheelyard.variants.axes.simd import levels, objects
from wheelyard.variants.axes.simd.schema import SimdRecipeKeys
from wheelyard.wheels.objects.members import is_grafted, objects_of

_X86_64 = (62).to_bytes(2, "little")
"""``e_machine`` of an object: a wheel may carry others, for what it compiles itself."""


def check_wheel(
    unit: BuildUnit, wheel: Path, scratch: Path, *, said: SimdRecipeKeys, linked: Sequence[Linked] = ()
) -> None:
    """Refuse a wheel that needs more than its variant's level, or its target's, or nothing of that level.

    :raises VariantError: naming objects and functions, and for a baseline the line that allows them.
    """
    target = unit.target
    if target.machine != "x86_64" or target.platform.startswith("macosx"):
        return
    dispatched = [*map(re.compile, unit.recipe.dispatched), *map(re.compile, texts(said.dispatched))]
    code = inspect_wheel(wheel, scratch, dispatched, linked)
    level = max(target.cpu_level or "x86-64", said.needs, key=levels.psabi_level)
    if unit.recipe.variant:
        where = f"{unit.package.name} {unit.package.version}, {unit.recipe.local_version}, target {target.name}"
        asked = unit.recipe.variant.get("simd", levels.BASELINE)
        objects.check(code, max(asked, level, key=levels.psabi_level), where)
    elif wrong := objects.too_high(code, level):
        patterns = ", ".join(f"'{pattern}'" for pattern in objects.settling(code, level))
        raise VariantError(
            f"it would die on hosts of the target, which have {level}: {'; '.join(wrong)}",
            where=f"{unit.package.name} {unit.package.version}, target {target.name}",
            hint="its build chose a newer CPU: see its options for [packages.NAME] environment or config-settings. If "
            f"it asks the CPU before it calls these: [packages.{unit.package.name}] dispatched = [{patterns}]. "
            f'If all your hosts have more: [[target]] cpu-level = "x86-64-v{max(part.needs for part in code)}"',
        )


def inspect_wheel(
    wheel: Path, scratch: Path, dispatched: Sequence[re.Pattern[str]] = (), linked: Sequence[Linked] = ()
) -> tuple[objects.ObjectCode, ...]:
    """Return what levels the functions of a wheel's own objects need; grafted libraries are not the package's."""
    found = []
    scratch.mkdir(parents=True, exist_ok=True)
    place = scratch / "object"
    for member, content in objects_of(wheel):
        if not is_grafted(member) and content.startswith(b"\x7fELF") and content[18:20] == _X86_64:
            place.write_bytes(content)
            static = next((part.functions for part in linked if part.inside(content)), None)
            found.append(objects.inspect(place, name=member, dispatched=dispatched, static=static))
            place.unlink()
    return tuple(found)
