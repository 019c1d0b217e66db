"""What an installation is about to change, written down before it does: if it is killed, the next run undoes it.

A journal is a small file in the user's home, one for each place that is being installed into, and gone at the end::

    {"base": "/home/ada/.local",    the folder that everything lies below
     "folder": "/home/ada/.wheelyard-1f2e…",    where the next state, or what is to be put back, is kept
     "made": ["/home/ada/.local"],  folders that were not there before
     "venv": null,                  a virtual environment that was not there before
     "undo": {…},                   what was there, and what was not; see distinfo.Undo
     "record": null}                all is in place; only this is still to be remembered, at "goal"

So an installation that was cut off is undone, or is complete, whenever ``install.py`` runs again for this user.
"""

import contextlib
import json
import os
import shutil
from typing import Any, Dict, Iterator, List, Optional

from wheelyard.host.distinfo import Undo, remove_empty
from wheelyard.host.locks import hold
from wheelyard.host.records import unfinished_folder
from wheelyard.host.refusal import EXIT_STORAGE, Refused
from wheelyard.host.smallfiles import put_file, read_json


class Journal:
    """The journal of one place; nothing is written before there is something to note."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.facts: Dict[str, Any] = {}
        self._lock: Optional[int] = None

    def note(self, **facts: Any) -> None:
        """Write more down, durably; what it says may be done afterwards.

        :raises Refused: ``busy`` if another run installs into this place, ``cannot-write``.
        """
        if self._lock is None:
            self._lock = _held(self.path)
        if self._lock is None:
            raise Refused("busy", "another install.py works on this place", self.path, code=EXIT_STORAGE)
        self.facts.update(facts)
        put_file(self.path, json.dumps(self.facts, indent=1, sort_keys=True) + "\n")

    def settle(self) -> None:
        """Undo what was noted, or complete it if only the record is missing, and forget it."""
        if self._lock is None:
            return
        record = self.facts.get("record")
        if record is not None and self.facts["goal"]:
            put_file(self.facts["goal"], json.dumps(record, indent=1, sort_keys=True) + "\n")
        elif record is None:
            _undo(self.facts)
        folder = self.facts.get("folder")
        if folder and os.path.isdir(folder):
            shutil.rmtree(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.close(remove=True)

    def close(self, remove: bool = False) -> None:
        """Let go of the place."""
        if self._lock is None:
            return
        try:
            if remove:
                os.unlink(self.path + ".lock")
                remove_empty([os.path.dirname(self.path)], os.path.expanduser("~"))
                _remove_made(self.facts)
        finally:
            os.close(self._lock)
            self._lock = None


def _remove_made(facts: Dict[str, Any]) -> None:
    """Remove the folders that were not there before, where nothing is in them: our own files were below some."""
    for path in sorted(facts.get("made", []), key=len, reverse=True) if facts.get("record") is None else ():
        with contextlib.suppress(OSError):
            os.rmdir(path)


def _undo(facts: Dict[str, Any]) -> None:
    if facts.get("undo"):
        Undo(facts["folder"], facts["undo"]).restore(facts["base"])
    venv = facts.get("venv")
    if venv and os.path.isdir(venv):
        shutil.rmtree(venv)


def _held(path: str) -> Optional[int]:
    """Return the lock of a journal, held, as a descriptor; None if another run holds it."""
    name = path + ".lock"
    os.makedirs(os.path.dirname(name), exist_ok=True)
    while True:
        lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            hold(lock)
            if os.path.exists(name) and os.path.samestat(os.fstat(lock), os.stat(name)):
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # removed by who held it until just now


@contextlib.contextmanager
def journal_at(path: str) -> Iterator[Journal]:
    """Yield a journal; what it notes is undone if the block ends with an error, or without a record."""
    journal = Journal(path)
    try:
        try:
            yield journal
        finally:
            journal.settle()
    finally:
        journal.close()


def settle_unfinished() -> List[str]:
    """Undo what runs that were killed left half-done, or complete it; return the places where it was undone."""
    folder, undone = unfinished_folder(), []
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for path in sorted({os.path.join(folder, name.split(".json")[0] + ".json") for name in names}):
        journal = Journal(path)
        journal._lock = _held(path)
        if journal._lock is not None:  # else it is being worked on
            try:
                journal.facts = read_json(path) or {}
                if journal.facts and journal.facts.get("record") is None:
                    undone.append(str(journal.facts.get("base")))
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path + ".new")
                journal.settle()
            finally:
                journal.close()
    return undone
