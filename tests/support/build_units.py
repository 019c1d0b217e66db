"""Build units out of crafted sdists."""

from __future__ import annotations

from pathlib import Path

from wheelyard.build.key import build_key
from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.target import Target
from wheelyard.repair.repair import repairer_for
from wheelyard.store.blobs import Store

BOOKWORM = Target(name="bookworm", python="3.11", python_full="3.11.2", platform="manylinux_2_36_x86_64")


def unit(
    sdist: Path, store: Store, toolchain: str, *, target: Target = BOOKWORM, recipe: Recipe | None = None
) -> BuildUnit:
    """Put an sdist into the store and return what is to be built of it."""
    name, version = sdist.name.removesuffix(".tar.gz").rsplit("-", 1)
    package = LockedPackage(
        name=name.replace("_", "-"),
        version=version,
        file=LockedFile(filename=sdist.name, sha256=store.add_file(sdist)),
        reason="a test",
    )
    recipe = recipe or Recipe()
    key = build_key(package, target, recipe, toolchain, repairer=repairer_for(target.platform).identity())
    return BuildUnit(package=package, target=target, recipe=recipe, toolchain=toolchain, key=key)
