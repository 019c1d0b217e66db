"""What cannot be proven here is at least read: every compiled object of a folder, once."""

from __future__ import annotations

from dataclasses import asdict

from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.wheels.objects.check import ObjectsCheck, check

_RULES = "1"
"""Raise it when what is checked changes."""


def of_folder(folder: FilledFolder, *, store: Store) -> dict[str, ObjectsCheck]:
    """Return what the objects of each compiled wheel say, by file name; kept in the store.

    Symbols are not looked at: a wheel of the index may count on another one's libraries. Those that are compiled here
    were checked for them when they were made.
    """
    return {
        entry.wheel.filename: _of_wheel(entry.wheel.sha256, folder.target, store)
        for entry in folder.entries
        if not entry.wheel.filename.endswith("-any.whl")
    }


def _of_wheel(sha256: str, target: Target, store: Store) -> ObjectsCheck:
    return memo(
        store,
        "objects",
        _RULES,
        f"{sha256}-{target.platform}",
        lambda: check(store.path(sha256), target),
        dump=asdict,
        load=lambda known: ObjectsCheck(objects=int(known["objects"]), faults=tuple(known["faults"])),
    )
