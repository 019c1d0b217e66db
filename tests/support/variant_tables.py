"""``[[variant]]`` and ``[[recipe]]`` tables, read as the configuration reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wheelyard.config.schema import Document
from wheelyard.domain.variant import Variant
from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import read
from wheelyard.variants.axes import AXES
from wheelyard.variants.axes.protocol import Linked
from wheelyard.variants.book import Book, with_recipes
from wheelyard.variants.model import make_variants


def load_variants(tables: Sequence[object]) -> tuple[Variant, ...]:
    document, problems = _read({"variant": tables})
    variants = make_variants(document.variant)
    problems.check()
    return variants


def variant(**table: Any) -> Variant:
    """Return the one variant of a table, of numpy where that says nothing else."""
    (found,) = load_variants([{"packages": ["numpy"], **table}])
    return found


def linked(blas: str) -> tuple[Linked, ...]:
    """Return the code that a BLAS links into a package's own objects."""
    found = AXES["blas"].linked({"blas": blas})
    return () if found is None else (found,)


def load_recipes(tables: Sequence[object]) -> Book:
    document, problems = _read({"recipe": tables})
    book = with_recipes(document.recipe)
    problems.check()
    return book


def _read(data: Mapping[str, object]) -> tuple[Document, Problems]:
    problems = Problems()
    document = read(Document, data, Location(file=Path("wheelyard.toml"), problems=problems))
    assert document is not None
    return document, problems
