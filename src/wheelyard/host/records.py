"""What install.py remembers in the user's home: trusted keys, the last manifest seen, what it installed where."""

import hashlib
import json
import os
import shutil
from typing import Any, Dict, List, Optional

from wheelyard.host.distinfo import remove_empty
from wheelyard.host.refusal import EXIT_STORAGE, Refused
from wheelyard.host.trust import REVOKED, SIGNERS, Seen, Trust, read_text

SYSTEM_TRUST = "/etc/wheelyard"


def _home(variable: str, default: str) -> str:
    base = os.environ.get(variable) or os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, "wheelyard")


def channel_folder(channel: str) -> str:
    """Return where the keys and the last manifest of a channel are remembered."""
    return os.path.join(_home("XDG_CONFIG_HOME", ".config"), channel)


def records_folder() -> str:
    """Return where installations are recorded, one file each."""
    return os.path.join(_home("XDG_DATA_HOME", os.path.join(".local", "share")), "installed")


def put_file(path: str, text: str) -> None:
    """Write a small file atomically; Refused ``cannot-write`` if that fails."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = path + ".new"
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise Refused("cannot-write", "cannot write: {}".format(error), where=path, code=EXIT_STORAGE) from None


def read_json(path: str) -> Optional[Dict[str, Any]]:
    """Return the object of a small JSON file of ours, or None if there is none; Refused if it is damaged."""
    if not os.path.isfile(path):
        return None
    try:
        value = json.loads(read_text(path))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused("bad-record", "the file is damaged; look at it, then remove it", where=path)
    return value


def last_seen(folder: str) -> Optional[Seen]:
    """Return the last manifest that was accepted, from ``seen.json`` of a folder."""
    value = read_json(os.path.join(folder, "seen.json"))
    if value is None:
        return None
    try:
        return Seen(str(value["channel"]), int(value["sequence"]), str(value["manifest"]))
    except (KeyError, ValueError, TypeError):
        raise Refused("bad-record", "the file is damaged; look at it, then remove it", where=folder) from None


def known_trust(folder: str) -> Dict[str, str]:
    """Return the texts of the signers and revoked keys: the system's, else those remembered in a folder."""
    for place in (SYSTEM_TRUST, folder):
        path = os.path.join(place, SIGNERS)
        if os.path.isfile(path):
            revoked = os.path.join(place, REVOKED)
            return {"signers": read_text(path), "revoked": read_text(revoked) if os.path.isfile(revoked) else ""}
    return {"signers": "", "revoked": ""}


def remember(folder: str, trust: Trust, seen: Seen) -> None:
    """Remember keys and manifest for the next time; a deliberate step back is remembered as such."""
    if trust.signers_text:
        put_file(os.path.join(folder, SIGNERS), trust.signers_text)
    if trust.revoked_text:
        put_file(os.path.join(folder, REVOKED), trust.revoked_text)
    put_file(os.path.join(folder, "seen.json"), json.dumps(dict(seen._asdict()), sort_keys=True) + "\n")


def record_path(kind: str, base: str) -> str:
    """Return the path of the record of an installation."""
    mark = hashlib.sha256("{}:{}".format(kind, os.path.realpath(base)).encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(records_folder(), "{}-{}.json".format(kind, mark[:16]))


def all_records() -> List[Dict[str, Any]]:
    """Return every recorded installation, ordered by kind and place."""
    folder = records_folder()
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [read_json(os.path.join(folder, name)) for name in names if name.endswith(".json")]
    return [record for record in found if record is not None]


def forget(kind: str, base: str) -> None:
    """Remove the record of an installation; with the last one goes all that we remember."""
    path = record_path(kind, base)
    if os.path.exists(path):
        os.unlink(path)
    folder = records_folder()
    if os.path.isdir(folder) and not os.listdir(folder):
        for ours in (os.path.dirname(folder), _home("XDG_CONFIG_HOME", ".config")):
            shutil.rmtree(ours, ignore_errors=True)
            remove_empty([os.path.dirname(ours)], os.path.expanduser("~"))
