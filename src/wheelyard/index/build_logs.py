"""The logs of builds as files of the site, beside what they led to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wheelyard.build import records
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.site import Folder
from wheelyard.store.blobs import Store

LOGS = "logs"


def place(built: BuiltWheel) -> str:
    """Return where in the wheelhouse the log of a build lies."""
    return f"{LOGS}/{built.filename}.{built.key[:12]}.txt"


def of_folders(folders: Iterable[Folder], store: Store) -> Mapping[str, str]:
    """Return path and SHA-256 of the logs that the store has of what was compiled for some folders.

    A wheel whose build another machine did has none.
    """
    found = {}
    for entry in (entry for folder in folders for entry in folder.entries):
        if entry.built is not None:
            log = records.find_log(store, entry.built.key)
            if log is not None:
                found[place(entry.built)] = store.add_file(log)
    return found
