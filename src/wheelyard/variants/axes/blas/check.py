"""Is the BLAS in a wheel, and in its whole folder, the one that was chosen?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import VariantError
from wheelyard.domain.site import Entry
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.variants.axes.blas import identity
from wheelyard.variants.axes.blas.share import loading


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


def check_folder(blas: str, entries: Sequence[Entry], store: Store, *, where: str, variant: str) -> None:
    """Refuse a folder in which more than one BLAS is, counting the wheels that were not rebuilt.

    A wheel from upstream may carry one of its own: numpy rebuilt with MKL beside an upstream scipy that brings
    OpenBLAS is two BLAS in one process.

    :param variant: its name.
    :raises VariantError: naming the wheels.
    """
    strangers = []
    for entry in entries:
        strangers += [
            f"{entry.wheel.filename} brings {library}" for library in _brings(entry, store) if library != blas
        ]
    if strangers:
        raise VariantError(
            f"mixed BLAS in one folder: {'; '.join(dict.fromkeys(strangers))}",
            where=where,
            hint=f"add these packages to those of the variant {variant}",
        )


def _brings(entry: Entry, store: Store) -> Sequence[str]:
    """Return the names of the BLAS libraries in a wheel."""

    def look() -> list[str]:
        binaries = identity.binaries(store.path(entry.wheel.sha256), filename=entry.wheel.filename)
        return sorted({name for binary in binaries for name in binary.blas})

    return memo(store, "blas", identity.edition(), entry.wheel.sha256, look)
