"""What a build takes from registries of other languages: known from lock files, fetched first, laid out for it.

A build has no network. Its sdist says by ``Cargo.lock``, ``package-lock.json`` or ``go.sum`` what it takes from
elsewhere; that is brought into the store by the registry's own client, which knows how this machine reaches it, checked
against the lock file's checksums, and put into the build's workspace, where the client in there finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from wheelyard.domain.errors import StorageError
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch import cargo, golang, npm
from wheelyard.prefetch.kept import kept
from wheelyard.prefetch.protocol import Errand, Registry
from wheelyard.sdist.patches import apply_patches
from wheelyard.sdist.unpack import unpack_sdist
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo

REGISTRIES: tuple[Registry, ...] = (cargo, npm, golang)
"""Every kind that is known, by its module."""

_EDITION = "1"


def asked(names: Iterable[str]) -> tuple[Registry, ...]:
    """Return the registries that a build asks for, by the normalised names of its build requirements."""
    present = frozenset(names)
    return tuple(registry for registry in REGISTRIES if registry.BUILDERS & present)


def needs(package: LockedPackage, patches: Sequence[Path], store: Store) -> tuple[Prefetched, ...]:
    """Return what the build of an sdist takes from elsewhere; its file is in the store, and that is all it is read by.

    :param patches: that are applied to it first.
    :raises BuildError: if a lock file in it cannot be read.
    """
    registries = asked(requirement.name for requirement in package.build_requirements)
    if not registries or package.how == "fetch":
        return ()

    def read() -> tuple[Prefetched, ...]:
        with store.scratch() as folder:
            source = unpack_sdist(store.take(package.file.sha256, folder / package.file.filename), folder / "src")
            apply_patches(source, patches)
            add(package.made_locks, source, store)
            return needs_of(source, registries, f"{package.name} {package.version}")

    parts = [package.file.sha256, *(hashlib.sha256(patch.read_bytes()).hexdigest() for patch in patches)]
    parts += [registry.NAME for registry in registries]
    parts += [f"{file.filename} {file.sha256}" for file in package.made_locks]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return memo(
        store,
        "prefetch",
        _EDITION,
        key,
        read,
        dump=lambda packages: [asdict(each) for each in packages],
        load=lambda rows: tuple(Prefetched(**row) for row in rows),
    )


def needs_of(source: Path, registries: Iterable[Registry], where: str) -> tuple[Prefetched, ...]:
    """Return what the lock files of a source tree pin, each once."""
    return tuple(dict.fromkeys(each for registry in registries for each in registry.needs(source, where)))


def made_locks(package: LockedPackage, source: Path, *, store: Store, root: Path) -> tuple[LockedFile, ...]:
    """Return the lock files that an sdist lacks for what its build takes from elsewhere, made now, in the store.

    :param source: its unpacked tree, which is ours.
    :param root: the folder of ``wheelyard.toml``, beside which they are to be kept.
    """
    made: dict[str, bytes] = {}
    where = f"{package.name} {package.version}"
    for registry in asked(requirement.name for requirement in package.build_requirements):
        with store.scratch() as folder:
            made |= registry.made_locks(source, Errand(store=store, folder=folder, root=root, where=where))
    return tuple(
        LockedFile(
            filename=path,
            sha256=store.add_bytes(content),
            path=f"{package.name}-{package.version}.{path.replace('/', '-')}",
            size=len(content),
        )
        for path, content in sorted(made.items())
    )


def add(files: Iterable[LockedFile], source: Path, store: Store) -> None:
    """Put lock files that were made for an sdist into its unpacked tree."""
    for file in files:
        store.take(file.sha256, source / file.filename).chmod(0o644)


def bring(package: LockedPackage, patches: Sequence[Path], *, store: Store, root: Path) -> tuple[Prefetched, ...]:
    """Bring into the store what the build of an sdist takes from elsewhere, and return it.

    :param root: the folder of ``wheelyard.toml``.
    """
    needed = needs(package, patches, store)
    fetch(needed, store=store, root=root, where=f"{package.name} {package.version}")
    return needed


def fetch(packages: Iterable[Prefetched], *, store: Store, root: Path, where: str) -> int:
    """Bring into the store what is not there; return how many came.

    :param root: the folder of ``wheelyard.toml``.
    :param where: ``name version`` of the sdist that needs them, for messages.
    """
    missing = [package for package in packages if kept(store, package) is None]
    for registry in REGISTRIES:
        own = [package for package in missing if package.registry == registry.NAME]
        if own:
            with store.scratch() as folder:
                registry.fetch(own, Errand(store=store, folder=folder, root=root, where=where))
    return len(missing)


def lay_out(packages: Sequence[Prefetched], root: Path, *, aside: Path, store: Store) -> Mapping[str, str]:
    """Put what a build takes from elsewhere into its workspace; return the variables by which its clients find it.

    :param root: the workspace; no code of others has run there yet.
    :param aside: a folder of ours for copies.
    :raises StorageError: if something is not in the store.
    :raises WheelError: if an archive is damaged or hostile.
    """
    variables: dict[str, str] = {}
    for registry in REGISTRIES:
        own = [package for package in packages if package.registry == registry.NAME]
        if own:
            blobs = {package: _copied(package, aside, store) for package in own}
            variables |= registry.lay_out(blobs, root)
    return variables


def _copied(package: Prefetched, aside: Path, store: Store) -> Path:
    sha256 = kept(store, package)
    if sha256 is None:
        raise StorageError("it is not in the store", where=package.title, hint="run again: it is fetched first")
    copy = aside / "prefetched" / sha256[:32] / "archive"
    return copy if copy.exists() else store.take(sha256, copy)
