"""The axis of the linear-algebra library: which one, with which threads, a copy in each package or one for all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.proof import Probe
from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target
from wheelyard.domain.variant import Told, Variant, VariantProperty
from wheelyard.sandbox.workspace import Workspace
from wheelyard.schema.tables import texts
from wheelyard.store.blobs import Store
from wheelyard.variants.axes.blas import check, identity, linking, papers, proof, share, sources
from wheelyard.variants.axes.blas.libraries import libraries
from wheelyard.variants.axes.blas.schema import BlasKeys, BlasRecipeKeys
from wheelyard.variants.axes.protocol import (
    Axis,
    BuildImage,
    Building,
    Choice,
    Contribution,
    Linked,
    Option,
    Prepared,
    Rebuilt,
    several,
)


class Blas(Axis[BlasKeys, BlasRecipeKeys]):
    """The keys ``blas``, ``threads`` and ``share-blas`` of a choice."""

    name = "blas"
    keys = BlasKeys
    recipe_keys = BlasRecipeKeys

    def options(self, table: BlasKeys) -> Sequence[Option]:
        """Return each library with each kind of threads."""
        if table.blas is None:
            if table.share_blas or table.blas_copies:
                key = "share-blas" if table.share_blas else "blas-copies"
                table.place.wrong(key, "there is no BLAS in it", 'add blas = "openblas"')
            elif table.threads is not None:
                table.place.wrong("threads", "threads without a BLAS", 'add blas = "…"')
            return [Option()]
        names, threads = several(table, "blas", table.blas), several(table, "threads", table.threads)
        return [_option(name or "", each, table) for name, each in itertools.product(names, threads)]

    def prepare(self, choice: Choice, target: Target, image: BuildImage, where: str) -> Prepared:
        """Return the wheels or packages that bring the library."""
        return sources.prepare(choice, target, image, where) if "blas" in choice else Prepared()

    def contribute(self, choice: Choice, building: Building[BlasRecipeKeys]) -> Contribution:
        """Return a pkg-config file, and how the package is told its name."""
        return sources.contribute(choice, building) if "blas" in choice else Contribution()

    def expand(self, place: Workspace) -> Recipe:
        """Return the recipe with what pkg-config says."""
        return linking.expand_pkgconfig(place)

    def provided(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the libraries that are shared, or the host's."""
        return share.provided(recipe)

    def linked(self, choice: Choice) -> Linked | None:
        """Return the functions of a library that is linked statically."""
        static = libraries()[choice["blas"]].static if "blas" in choice else None
        return Linked(functions=static, inside=identity.identify) if static else None

    def check(
        self, unit: BuildUnit, wheel: Path, scratch: Path, *, said: BlasRecipeKeys, linked: Sequence[Linked] = ()
    ) -> None:
        """Refuse another BLAS than the one that was chosen, or several, or none."""
        if "blas" in unit.recipe.variant:
            check.check_wheel(unit, wheel)

    def rework(self, unit: BuildUnit, repaired: Repaired, place: Workspace) -> Repaired:
        """Let the wheel load its BLAS from the wheel that has it, where that was asked for."""
        return share.share(unit, repaired, place)

    def record(self, unit: BuildUnit, repaired: Repaired, texts: Sequence[str]) -> Mapping[str, object] | None:
        """Return the library, its version and licence."""
        return papers.record(unit, repaired, texts) if "blas" in unit.recipe.variant else None

    def check_folder(self, variant: Variant, wheels: Mapping[str, str], store: Store, where: str) -> None:
        """Refuse a folder in which another BLAS is as well."""
        if "blas" in variant.choice:
            check.check_folder(variant, wheels, store, where=where)

    def probe(self, choice: Choice, rebuilt: Sequence[Rebuilt[BlasRecipeKeys]]) -> Probe | None:
        """Return a calculation in the rebuilt modules together, and which BLAS they load."""
        if "blas" not in choice:
            return None
        return proof.probe(
            choice,
            [name for package in rebuilt for name in texts(package.said.imports) or package.modules],
            checked=any(package.checked for package in rebuilt),
        )

    def properties(self, choice: Choice) -> tuple[VariantProperty, ...]:
        """Return the library."""
        if "blas" not in choice:
            return ()
        return (VariantProperty(namespace="blas_lapack", feature="library", value=choice["blas"]),)

    def told(self, note: Mapping[str, object]) -> Told | None:
        """Return the library that is in the wheel, or that it loads."""
        return papers.told(note)


def _option(name: str, threads: str | None, table: BlasKeys) -> Option:
    shared = table.share_blas
    words = (name, *((threads,) if threads else ()))
    given = {"blas": name, "threads": threads, "share-blas": "yes" if shared else None}
    return Option(
        choice={key: value for key, value in given.items() if value},
        name=words,
        label=(*words, "shared") if shared else words,
        terms={check.COPIES: "yes"} if table.blas_copies else {},
    )
