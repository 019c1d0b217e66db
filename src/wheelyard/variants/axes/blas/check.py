"""Is the BLAS in a wheel, and in its whole folder, the one that was chosen?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import VariantError
from wheelyard.domain.variant import Variant
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.libraries import libraries
from wheelyard.variants.axes.blas.share import loading

COPIES = "blas-copies"
"""The term of a folder that allows copies of the same library in wheels that are not rebuilt."""


def check_wheel(unit: BuildUnit, wheel: Path) -> None:
    """Refuse a wheel of a variant whose BLAS is not the one that was chosen.

    :raises VariantError: naming what was found, and in which object.
    """
    where = f"{unit.package.name} {unit.package.version}, {unit.recipe.local_version}, target {unit.target.name}"
    check_binaries(identity.binaries(wheel), unit.recipe.variant["blas"], where, loading=loading(wheel, unit.recipe))


def check_binaries(binaries: Sequence[identity.Binary], blas: str, where: str, *, loading: Sequence[str] = ()) -> None:
    """Refuse a wheel that has another BLAS than the one it was built for, or several, or none.

    :param loading: objects that load it from elsewhere.
    :raises VariantError: naming what was found, and in which object.
    """
    found = {name: binary.member for binary in binaries for name in sorted(binary.blas)}
    if loading:
        # A copy in the wheel, besides, would be a second BLAS.
        found = {f"a copy of {blas}" if name == blas else name: member for name, member in found.items()}
        found[blas] = loading[0]
    if set(found) == {blas}:
        return
    if not found:
        raise VariantError(
            f"the build was to take {blas}, and took no BLAS at all",
            where=where,
            hint="its log says what was looked for; many packages fall back without a word",
        )
    others = ", ".join(f"{name} (in {member})" for name, member in sorted(found.items()) if name != blas)
    raise VariantError(
        f"the build was to take {blas}, and took {others}" + (" as well" if blas in found else ""),
        where=where,
        hint="the recipe does not reach the build, or something it links brings a BLAS along",
    )


def strangers(choice: Mapping[str, str], brought: Iterable[str]) -> set[str]:
    """Return the libraries that must not be beside the chosen one.

    :param choice: with the terms of the folder: they may allow copies of the same library.
    """
    family = libraries()[choice["blas"]].family
    copies = choice.get(COPIES) == "yes"
    return {name for name in brought if name != choice["blas"] and not (copies and libraries()[name].family == family)}


def check_folder(variant: Variant, wheels: Mapping[str, str], store: Store, *, where: str) -> None:
    """Refuse a folder in which more than one BLAS is, counting the wheels that were not rebuilt.

    A wheel from upstream may carry one of its own: numpy rebuilt with MKL beside an upstream scipy that brings
    OpenBLAS is two BLAS in one process.

    :param wheels: by file name their SHA-256.
    :raises VariantError: naming the wheels.
    """
    choice = {**variant.choice, **variant.terms}
    found = {
        filename: libraries_there
        for filename, sha256 in wheels.items()
        if (libraries_there := strangers(choice, _brings(filename, sha256, store)))
    }
    if not found:
        return
    said = [f"{filename} brings {', '.join(sorted(names))}" for filename, names in found.items()]
    every = {name for names in found.values() for name in names}
    raise VariantError(
        f"mixed BLAS in one folder: {'; '.join(said)}",
        where=where,
        hint=_ways_out(variant, [wheel_name.parse(name).project for name in found], every),
    )


def _ways_out(variant: Variant, packages: Sequence[str], others: Collection[str]) -> str:
    """Return what can be done about packages that bring other libraries, with what it costs."""
    names = ", ".join(f'"{name}"' for name in (*variant.packages, *packages))
    hint = f"compile {' and '.join(packages)} for it too: packages = [{names}]"
    library = libraries()[variant.choice["blas"]]
    if any(source.shared for source in library.sources) and "share-blas" not in variant.choice:
        hint += ", and with share-blas = true they have one copy between them"
    if not strangers({**variant.choice, COPIES: "yes"}, others):
        hint += f"; or blas-copies = true: each has an {library.title} of its own, with its memory and its threads"
    return hint


def _brings(filename: str, sha256: str, store: Store) -> Sequence[str]:
    """Return the names of the BLAS libraries in a wheel."""

    def look() -> list[str]:
        binaries = identity.binaries(store.path(sha256), filename=filename)
        return sorted({name for binary in binaries for name in binary.blas})

    return memo(store, "blas", identity.edition(), sha256, look)
