"""``[[variant]]`` tables as values: what a variant is, and how a matrix of choices becomes many of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import WheelyardError
from wheelyard.schema.tables import texts
from wheelyard.variants import simd
from wheelyard.variants.schema import Blas, Threads, VariantTable

NAME = re.compile(r"[a-z0-9_-]+")
FOLDER = "variants"
"""No variant's name: ``targets/<target>.variants/`` is the folder of all of them, labelled (``variant-wheels``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A choice that wheel tags cannot express, for some packages of every target."""

    name: str
    """``[a-z0-9_-]+``; the folder is ``targets/<target>.<name>/``."""
    packages: tuple[str, ...]
    """Normalised names (PEP 503) of what is rebuilt; everything else comes from the baseline."""
    blas: Blas | None = None
    """None: whatever the package builds with by itself."""
    threads: Threads | None = None
    """None: the library's own default, which the recipe knows."""
    simd: str = simd.BASELINE
    share_blas: bool = False
    """One BLAS in a wheel of its own, instead of a copy grafted into each package."""
    where: str = ""
    """The table it was written in, for messages."""

    @property
    def local_version(self) -> str:
        """The local version label (PEP 440) of wheels with this choice: ``mkl.v3``.

        It tells the choice and not the variant's name, so that two variants that choose the same share their wheels.
        """
        level = None if self.simd == simd.BASELINE else simd.short_name(self.simd)
        parts = (self.blas, self.threads, "shared" if self.share_blas else None, level)
        return re.sub(r"[^a-z0-9]+", ".", ".".join(part for part in parts if part)).strip(".")

    @property
    def choice(self) -> dict[str, str]:
        """What was chosen, as it is recorded in the wheel."""
        shared = "yes" if self.share_blas else None
        given = {"blas": self.blas, "threads": self.threads, "share-blas": shared, "simd": self.simd}
        return {key: value for key, value in given.items() if value}


def make_variants(tables: Sequence[VariantTable]) -> tuple[Variant, ...]:
    """Return the variants of ``[[variant]]`` tables, in order: that is the admin's order of preference.

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


def _expand(table: VariantTable) -> Iterator[Variant]:
    """Yield the variants of one table: one, or one for each combination of its lists."""
    if not table.sound:
        return
    place, before = table.place, len(table.place.problems.found)
    packages = _packages(table)
    blas, threads = _list(table, "blas", table.blas), _list(table, "threads", table.threads)
    levels = _levels(table)
    if len(place.problems.found) > before:
        return
    matrix = any(isinstance(each, tuple) for each in (table.blas, table.threads, table.simd))
    for one_blas, one_threads, level in itertools.product(blas, threads, levels):
        parts = (
            [table.name, one_blas, one_threads, simd.short_name(level)] if matrix or not table.name else [table.name]
        )
        variant = Variant(
            name="-".join(part for part in parts if part),
            packages=packages,
            blas=cast("Blas | None", one_blas),
            threads=cast("Threads | None", one_threads),
            simd=level,
            share_blas=table.share_blas,
            where=place.where(),
        )
        if _makes_sense(variant, table):
            yield variant


def _makes_sense(variant: Variant, table: VariantTable) -> bool:
    """Report what a variant cannot be."""
    place, before = table.place, len(table.place.problems.found)
    if not NAME.fullmatch(variant.name):
        place.wrong("name", f"{variant.name!r} cannot name a folder", "use a-z, 0-9, '-' and '_' only")
    elif variant.name == FOLDER:
        place.wrong("name", f"{FOLDER!r} is the folder of variant-wheels", "give it another name")
    if variant.blas is None and variant.simd == simd.BASELINE:
        place.wrong("", f"the variant {variant.name} chooses nothing", 'give it blas = "…" or simd = "…", or both')
    elif variant.blas is None and table.share_blas:
        place.wrong("share-blas", "no BLAS to share", 'add blas = "openblas"')
    elif variant.blas is None and variant.threads is not None:
        place.wrong("threads", "threads without a BLAS", 'add blas = "…"')
    return len(place.problems.found) == before


def _packages(table: VariantTable) -> tuple[str, ...]:
    packages = tuple(dict.fromkeys(canonicalize_name(each) for each in texts(table.packages)))
    if not packages:
        table.place.wrong("packages", "no packages to rebuild", 'write packages = ["numpy", "scipy"]')
    return packages


def _levels(table: VariantTable) -> Sequence[str]:
    levels = []
    for level in _list(table, "simd", table.simd):
        try:
            levels.append(simd.BASELINE if level is None else simd.normalize(level, table.place.where("simd")))
        except WheelyardError as error:
            table.place.problems.found.append(error)
    return levels


def _list(table: VariantTable, key: str, value: str | tuple[str, ...] | None) -> Sequence[str | None]:
    """Return a choice that may be one or several as several; one that was not made is None."""
    if not isinstance(value, tuple):
        return (value,)
    if not value:
        table.place.wrong(key, "the list is empty", "name at least one, or leave the key out")
    if len(set(value)) != len(value):
        table.place.wrong(key, "the list names something twice", "name each once")
    return value
