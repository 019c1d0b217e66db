"""What a wheel's record says of its BLAS, written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.domain.build import BuildUnit
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.variant import Ingredient, Told
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.libraries import libraries
from wheelyard.variants.axes.blas.share import provided
from wheelyard.variants.axes.blas.sources import is_shared, source_of, version_of
from wheelyard.wheels.licence import expression_of


def record(unit: BuildUnit, repaired: Repaired, texts: Sequence[str]) -> dict[str, object]:
    """Return what a BLAS is, for the record: what is not known, or does not hold, is left out."""
    recipe = unit.recipe
    library, source = libraries()[recipe.variant["blas"]], source_of(recipe)
    wheel = source.requires[0] if source and is_shared(recipe.variant) else ""
    files = [Path(binary.member).name for binary in identity.binaries(repaired.path) if binary.grafted and binary.blas]
    known = {
        "title": library.title,
        "version": version_of(recipe),
        "licence": library.licence,
        "restricted": library.restricted,
        "files": files,
        "loaded-from": wheel or ("the host" if provided(recipe) else ""),
    }
    return {**{name: value for name, value in known.items() if value}, "texts": list(texts)}


def told(note: Mapping[str, object]) -> Told | None:
    """Return the BLAS that a wheel's record tells of; None without one, or where it is nonsense."""
    said = note.get("blas")
    if not isinstance(said, dict) or not isinstance(said.get("title"), str):
        return None
    words = {key: value for key, value in said.items() if isinstance(value, str)}
    files = said.get("files")
    ingredient = Ingredient(
        kind="BLAS",
        title=words["title"],
        version=words.get("version", ""),
        license=expression_of(words.get("licence", "")),
        restricted=words.get("restricted", ""),
        files=tuple(file for file in files if isinstance(file, str)) if isinstance(files, list) else (),
        loaded_from=words.get("loaded-from", ""),
    )
    return Told(axis="blas", ingredient=ingredient)
