"""``[[variant]]`` tables as values: what a variant is, and how a matrix of choices becomes many of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ConfigError, Failures, WheelyardError
from wheelyard.variants import simd

Blas = Literal["openblas", "openblas64", "mkl", "blis", "netlib", "flexiblas", "accelerate"]
Threads = Literal["sequential", "pthreads", "openmp"]

NAME = re.compile(r"[a-z0-9_-]+")
FOLDER = "variants"
"""No variant's name: ``targets/<target>.variants/`` is the folder of all of them, labelled (``variant-wheels``)."""
_KEYS = frozenset({"name", "blas", "threads", "simd", "packages", "share-blas"})
_CHOICES = ("blas", "threads", "simd")


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


def load_variants(raw: Sequence[object], where: str) -> tuple[Variant, ...]:
    """Read the ``[[variant]]`` tables of ``wheelyard.toml``, in order: that is the admin's order of preference.

    :param raw: the tables as ``tomllib`` gives them.
    :param where: the file, for messages.
    :raises ConfigError: naming the table, the key and what to write instead; all wrong tables at once in ``Failures``.
    """
    found: list[Variant] = []
    errors: list[WheelyardError] = []
    for number, table in enumerate(raw, start=1):
        place = f"{where}: [[variant]] number {number}"
        try:
            found += _expand(_checked(table, place), place)
        except WheelyardError as error:
            errors.append(error)
    seen: dict[str, Variant] = {}
    for variant in found:
        if variant.name in seen:
            errors.append(
                ConfigError(
                    f"the variant {variant.name} is there twice",
                    where=variant.where,
                    hint=f"give it another name than the one of {seen[variant.name].where}",
                )
            )
        seen.setdefault(variant.name, variant)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Failures(tuple(errors))
    return tuple(found)


def _checked(table: object, place: str) -> Mapping[str, object]:
    """Return a table whose keys are known and whose values have the right types."""
    if not isinstance(table, Mapping):
        raise ConfigError("a variant is a table", where=place, hint='write [[variant]] with name = "…" below it')
    given = cast("Mapping[str, object]", table)
    for key in given:
        if key not in _KEYS:
            raise ConfigError(f"unknown key {key!r}", where=place, hint=f"known: {', '.join(sorted(_KEYS))}")
    packages = given.get("packages")
    if not isinstance(packages, (list, tuple)) or not packages or not all(isinstance(each, str) for each in packages):
        raise ConfigError(
            "no packages to rebuild", where=f"{place}, packages", hint='write packages = ["numpy", "scipy"]'
        )
    if not isinstance(given.get("share-blas", False), bool):
        raise ConfigError("must be true or false", where=f"{place}, share-blas", hint="write share-blas = true")
    if not isinstance(given.get("name", ""), str):
        raise ConfigError("must be a string", where=f"{place}, name", hint='write name = "v3-mkl"')
    return given


def _expand(table: Mapping[str, object], place: str) -> Iterator[Variant]:
    """Yield the variants of one table: one, or one for each combination of its lists."""
    blas = [_one_of(each, get_args(Blas), f"{place}, blas") for each in _list(table, "blas", place)]
    threads = [_one_of(each, get_args(Threads), f"{place}, threads") for each in _list(table, "threads", place)]
    levels = [simd.normalize(each, f"{place}, simd") for each in _list(table, "simd", place)] or [simd.BASELINE]
    matrix = any(isinstance(table.get(key), (list, tuple)) for key in _CHOICES)
    given = cast("str", table.get("name", ""))
    for one_blas, one_threads, level in itertools.product(blas or (None,), threads or (None,), levels):
        parts = [given, one_blas, one_threads, simd.short_name(level)] if matrix or not given else [given]
        name = "-".join(part for part in parts if part)
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot name a folder", where=f"{place}, name", hint="use a-z, 0-9, '-' and '_' only"
            )
        if name == FOLDER:
            raise ConfigError(
                f"{FOLDER!r} is the folder of variant-wheels", where=f"{place}, name", hint="give it another name"
            )
        if one_blas is None and level == simd.BASELINE:
            raise ConfigError(
                f"the variant {name} chooses nothing", where=place, hint='give it blas = "…" or simd = "…", or both'
            )
        if one_blas is None and table.get("share-blas"):
            raise ConfigError("no BLAS to share", where=f"{place}, share-blas", hint='add blas = "openblas"')
        if one_blas is None and one_threads is not None:
            raise ConfigError("threads without a BLAS", where=f"{place}, threads", hint='add blas = "…"')
        yield Variant(
            name=name,
            packages=tuple(dict.fromkeys(canonicalize_name(each) for each in cast("list[str]", table["packages"]))),
            blas=cast("Blas | None", one_blas),
            threads=cast("Threads | None", one_threads),
            simd=level,
            share_blas=bool(table.get("share-blas", False)),
            where=place,
        )


def _list(table: Mapping[str, object], key: str, place: str) -> list[str]:
    """Return a value that may be one string or a list of them as a list; empty where it is not given."""
    value = table.get(key, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not all(isinstance(each, str) for each in values):
        raise ConfigError("must be a string or a list of strings", where=f"{place}, {key}", hint=f'write {key} = "…"')
    if key in table and not values:
        raise ConfigError("the list is empty", where=f"{place}, {key}", hint="name at least one, or leave the key out")
    if len(set(values)) != len(values):
        raise ConfigError("the list names something twice", where=f"{place}, {key}", hint="name each once")
    return list(values)


def _one_of(value: str, known: Sequence[str], place: str) -> str:
    if value not in known:
        raise ConfigError(f"{value!r} is not known", where=place, hint=f"one of: {', '.join(known)}")
    return value
