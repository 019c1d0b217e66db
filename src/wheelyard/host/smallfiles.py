"""Small files of ours and of the user: read with a bound, written so that only the old or the new one is ever there."""

import os
from typing import Any, Dict, Optional

from wheelyard.host.manifest import bounded_json
from wheelyard.host.refusal import EXIT_STORAGE, EXIT_USAGE, Refused

MAX_SMALL = 1 << 20


def unreadable(path: str, error: OSError, code: int) -> Refused:
    """Return the refusal of a file that cannot be read: with ``code`` if it is the wrong one, else the disk's fault."""
    wrong = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError))
    message = "cannot read: {}".format(error.strerror or error)
    return Refused("unreadable", message, where=path, code=code if wrong else EXIT_STORAGE)


def read_text(path: str) -> str:
    """Return a small text file; Refused ``unreadable`` if it cannot be read, or is not small."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(MAX_SMALL + 1)
        if len(content) > MAX_SMALL:
            raise Refused("unreadable", "larger than {} KiB".format(MAX_SMALL >> 10), where=path, code=EXIT_USAGE)
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("unreadable", "cannot read: {}".format(error), where=path, code=EXIT_USAGE) from None
    except OSError as error:
        raise unreadable(path, error, EXIT_USAGE) from None


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_file(path: str, text: str) -> None:
    """Write a small file in one durable step; Refused ``cannot-write`` if that fails: the old one is there still."""
    folder, temporary = os.path.dirname(path), path + ".new"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        sync_folder(folder)
    except OSError as error:
        raise Refused("cannot-write", "cannot write: {}".format(error), where=path, code=EXIT_STORAGE) from None


def bad_record(path: str) -> Refused:
    """Return the refusal of a file of ours that somebody damaged."""
    return Refused("bad-record", "the file is damaged; look at it, then remove it", where=path)


def read_json(path: str) -> Optional[Dict[str, Any]]:
    """Return the object of a small JSON file of ours, or None if there is none; Refused if it is damaged."""
    if not os.path.isfile(path):
        return None
    try:
        value = bounded_json(read_text(path).encode("ascii"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_record(path)
    return value
