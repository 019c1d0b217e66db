"""``[[variant]]`` tables as values: how a matrix of choices becomes many variants."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from wheelyard.domain.variant import Variant
from wheelyard.host.choice import rank
from wheelyard.schema.tables import texts
from wheelyard.variants.axes import AXES
from wheelyard.variants.axes.protocol import Option
from wheelyard.variants.schema import VariantTable

NAME = re.compile(r"[a-z0-9_-]+")
FOLDER = "variants"
"""No variant's name: ``targets/<target>.variants/`` is the folder of all of them, labelled (``variant-wheels``)."""


def make_variants(tables: Sequence[VariantTable]) -> tuple[Variant, ...]:
    """Return the variants of ``[[variant]]`` tables, in order: the admin's, among those that need the same of a host.

    What is wrong is reported at the tables' places, with the key and what to write instead.
    """
    variants: dict[str, Variant] = {}
    for table in tables:
        for variant in _expand(table):
            if twin := variants.get(variant.name):
                hint = f"give it another name than the one of {twin.where}"
                table.place.wrong("", f"the variant {variant.name} is there twice", hint)
            variants.setdefault(variant.name, variant)
    return tuple(variants.values())


def needs_of(choice: Mapping[str, str]) -> dict[str, str]:
    """Return what a host must have for a choice, by axis."""
    found = {name: axis.need(choice) for name, axis in AXES.items()}
    return {name: need for name, need in found.items() if need is not None}


def preferred(variants: Iterable[Variant]) -> list[Variant]:
    """Return variants as installers prefer them: what uses most of a CPU first, then in the admin's order."""
    return sorted(variants, key=lambda variant: rank(needs_of(variant.choice)), reverse=True)


def never_taken(variants: Iterable[Variant]) -> str:
    """Say which variants no installer takes by itself, as another needs the same; empty if there are none."""
    first: dict[tuple[tuple[str, str], ...], str] = {}
    behind: dict[str, str] = {}
    for variant in preferred(variants):
        before = first.setdefault(tuple(sorted(needs_of(variant.choice).items())), variant.name)
        if before != variant.name:
            behind[variant.name] = before
    if not behind:
        return ""
    why = ", ".join(f"{name} (behind {before})" for name, before in behind.items())
    return f"`--variant auto` never takes {why}: what needs the same comes before; take it by its name"


def needs_in_words(needs: Mapping[str, str]) -> str:
    """Return what a host must have, for people; an axis that is no longer there is named."""
    return ", ".join(AXES[name].describe(need) if name in AXES else f"{name} {need}" for name, need in needs.items())


def _expand(table: VariantTable) -> Iterator[Variant]:
    """Yield the variants of one table: one, or one for each combination of its lists."""
    if not table.sound:
        return
    place, before = table.place, len(table.place.problems.found)
    packages = _packages(table)
    options = [axis.options(table.part(axis.keys)) for axis in AXES.values()]
    if len(place.problems.found) > before:
        return
    matrix = _is_matrix(table)
    for chosen in itertools.product(*options):
        variant = Variant(
            name=table.name if table.name and not matrix else _name(table.name, chosen),
            packages=packages,
            choice={key: value for option in chosen for key, value in option.choice.items()},
            local_version=_local_version(chosen),
            terms={key: value for option in chosen for key, value in option.terms.items()},
            where=place.where(),
        )
        if _makes_sense(variant, table):
            yield variant


def _is_matrix(table: VariantTable) -> bool:
    parts = [table.part(axis.keys) for axis in AXES.values()]
    return any(isinstance(getattr(part, name), tuple) for part in parts for name in part.__struct_fields__)


def _name(given: str | None, chosen: Sequence[Option]) -> str:
    return "-".join(part for part in (given, *(word for option in chosen for word in option.name)) if part)


def _local_version(chosen: Sequence[Option]) -> str:
    words = ".".join(word for option in chosen for word in option.label)
    return re.sub(r"[^a-z0-9]+", ".", words).strip(".")


def _makes_sense(variant: Variant, table: VariantTable) -> bool:
    """Report what a variant cannot be."""
    place, before = table.place, len(table.place.problems.found)
    if not NAME.fullmatch(variant.name):
        place.wrong("name", f"{variant.name!r} cannot name a folder", "use a-z, 0-9, '-' and '_' only")
    elif variant.name == FOLDER:
        place.wrong("name", f"{FOLDER!r} is the folder of variant-wheels", "give it another name")
    if not variant.local_version:
        keys = " or ".join(f'{name} = "…"' for name in AXES)
        place.wrong("", f"the variant {variant.name} chooses nothing", f"give it {keys}")
    return len(place.problems.found) == before


def _packages(table: VariantTable) -> tuple[str, ...]:
    packages = tuple(dict.fromkeys(canonicalize_name(text) for text in texts(table.packages)))
    if not packages:
        table.place.wrong("packages", "no packages to rebuild", 'write packages = ["numpy", "scipy"]')
    return packages
