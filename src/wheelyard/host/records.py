"""What install.py remembers in the user's home: trusted keys, the last manifest seen, what it installed where."""

import hashlib
import os
import shutil
from typing import Any, Dict, List

from wheelyard.host.distinfo import remove_empty
from wheelyard.host.smallfiles import read_json


def _home(variable: str, default: str) -> str:
    base = os.environ.get(variable) or os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, "wheelyard")


def channel_folder(channel: str) -> str:
    """Return where the policy of a channel is remembered."""
    return os.path.join(policies_folder(), channel)


def policies_folder() -> str:
    """Return where the policies of all channels are remembered, a folder each."""
    return _home("XDG_CONFIG_HOME", ".config")


def records_folder() -> str:
    """Return where installations are recorded, one file each."""
    return os.path.join(_home("XDG_DATA_HOME", os.path.join(".local", "share")), "installed")


def unfinished_folder() -> str:
    """Return where the journals of installations lie that are not finished yet."""
    return os.path.join(os.path.dirname(records_folder()), "unfinished")


def record_path(kind: str, base: str, python: str) -> str:
    """Return the path of the record of an installation: several Pythons share one ``~/.local``, but no environment."""
    text = "{}:{}:{}".format(kind, "" if kind == "venv" else python, os.path.realpath(base))
    mark = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(records_folder(), "{}-{}.json".format(kind, mark[:16]))


def journal_path(kind: str, base: str, python: str) -> str:
    """Return the path of the journal of an installation into the same place."""
    return os.path.join(unfinished_folder(), os.path.basename(record_path(kind, base, python)))


def all_records() -> List[Dict[str, Any]]:
    """Return every recorded installation, ordered by kind and place."""
    folder = records_folder()
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [read_json(os.path.join(folder, name)) for name in names if name.endswith(".json")]
    return [record for record in found if record is not None]


def forget(path: str) -> None:
    """Remove the record of an installation; with the last one goes all that we remember."""
    if os.path.exists(path):
        os.unlink(path)
    folder = records_folder()
    if os.path.isdir(folder) and not os.listdir(folder):
        for ours in (os.path.dirname(folder), policies_folder()):
            shutil.rmtree(ours, ignore_errors=True)
            remove_empty([os.path.dirname(ours)], os.path.expanduser("~"))
