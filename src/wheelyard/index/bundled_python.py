"""Pythons that the wheelhouse carries, for hosts whose own is too old or not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelyard.domain.errors import ConfigError, HashMismatchError
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store


def place(target: Target) -> str | None:
    """Return where the archive of a target's Python lies in the wheelhouse; None if none is carried."""
    return f"python/{Path(target.carried.python.archive).name}" if target.carried.python else None


def carried_pythons(targets: Sequence[Target], store: Store) -> Mapping[str, str]:
    """Bring the archives into the store, unless they are there, and return their SHA-256 by path in the wheelhouse.

    :raises HashMismatchError: if an archive is not the one that the configuration tells.
    :raises ConfigError: if two targets carry different archives of the same name.
    """
    pythons: dict[str, str] = {}
    for target in targets:
        path, carried = place(target), target.carried.python
        if path is None or carried is None:
            continue
        if pythons.setdefault(path, carried.sha256) != carried.sha256:
            raise ConfigError(
                f"another target carries another {path.partition('/')[2]}",
                where=f"target {target.name}, carried-python",
                hint="rename one of them",
            )
        if not store.has(carried.sha256):
            try:
                store.add_file(Path(carried.archive), sha256=carried.sha256)
            except HashMismatchError as error:
                raise HashMismatchError(
                    error.message,
                    where=f"target {target.name}, carried-python",
                    hint="carried-python-sha256 is what sha256sum prints",
                ) from error
    return pythons
