"""The intranet side's folder: generations beside one another, and one symbolic link that says which is published.

::

    DIR/current -> generations/000007-0123456789ab     what the web server serves, and what -f points into
    DIR/generations/NNNNNN-…/                          one whole wheelhouse each; equal files are hard links
    DIR/trust/policy.json                              whom to trust, and what was published when
    DIR/import.log                                     one JSON line a deed, with every danger that was allowed

A switch is one rename of the link: a reader sees the old wheelhouse or the new one.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import time
from typing import Any, Iterator, List, Optional

from wheelyard.host.locks import hold
from wheelyard.host.manifest import BUNDLE, MANIFEST, SIGNATURE, Manifest, load_manifest
from wheelyard.host.policy import read_policy
from wheelyard.host.refusal import EXIT_STORAGE, EXIT_USAGE, Refused
from wheelyard.host.smallfiles import sync_folder

CURRENT = "current"
GENERATIONS = "generations"
TRUST = "trust"
LOG = "import.log"
LOCK = ".lock"
_NAME_OF = re.compile(r"\d{6,}-[0-9a-f]{12}\Z")
# What the maker of a wheelhouse keeps in it for the next time; no part of what is published.
_WORKING = frozenset({LOCK, ".facts.json", ".published.json", ".released", ".site.json"})
# The same, as a folder, where what is published cannot be exchanged whole.
WORKSHOP = ".wheelyard"
_OURS = {CURRENT, GENERATIONS, TRUST, LOG, LOCK}


@contextlib.contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Turn what the operating system refuses into ``disk-full`` or ``cannot-write``."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        name = "disk-full" if full else "cannot-write"
        hint = "what is published is still the old one, whole"
        message = "{}: {}".format(error.strerror or error, error.filename or where)
        raise Refused(name, message, where=where, hint=hint, code=EXIT_STORAGE) from None


@contextlib.contextmanager
def working_on(into: str) -> Iterator[None]:
    """Hold the folder's lock; Refused ``busy`` if another import works on it, ``not-ours`` if it holds other things."""
    os.makedirs(into, exist_ok=True)
    foreign = sorted(name for name in os.listdir(into) if name not in _OURS and name != "current.new")
    if foreign and not os.path.isdir(os.path.join(into, GENERATIONS)):
        message = "the folder holds other things ({})".format(ascii(foreign[0]))
        raise Refused("not-ours", message, where=into, hint="give an empty or a new folder", code=EXIT_USAGE)
    with open(os.path.join(into, LOCK), "a") as stream:
        try:
            hold(stream.fileno())
        except OSError:
            raise Refused("busy", "another import works on this folder", where=into, code=EXIT_STORAGE) from None
        generations = os.path.join(into, GENERATIONS)
        os.makedirs(generations, exist_ok=True)
        for name in os.listdir(generations):
            if name.startswith("."):  # left by an import that was killed
                shutil.rmtree(os.path.join(generations, name), ignore_errors=True)
        yield


def current_name(into: str) -> Optional[str]:
    """Return the name of the published generation, or None if nothing is published yet."""
    try:
        name = os.path.basename(os.readlink(os.path.join(into, CURRENT)))
    except OSError:
        return None
    return name if _NAME_OF.match(name) else None


def generation_path(into: str, name: str) -> str:
    """Return the folder of a generation."""
    return os.path.join(into, GENERATIONS, name)


def generation_names(into: str) -> List[str]:
    """Return the generations that are there, in the order in which they were published.

    Not by their sequence: one that was absurdly high, once, would stay the newest for ever.
    """
    folder = os.path.join(into, GENERATIONS)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    order = {name: place for place, name in enumerate(read_policy(os.path.join(into, TRUST)).published)}
    found = [name for name in names if _NAME_OF.match(name)]
    return sorted(found, key=lambda name: (order.get(name, -1), int(name.split("-")[0]), name))


def name_for(manifest: Manifest, digest: str) -> str:
    """Return the name of the generation that a manifest describes."""
    return "{:06d}-{}".format(manifest.sequence, digest[:12])


def switch_to(into: str, name: str) -> None:
    """Publish a generation by one rename."""
    link = os.path.join(into, CURRENT)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(link + ".new")
    os.symlink(os.path.join(GENERATIONS, name), link + ".new")
    os.replace(link + ".new", link)
    sync_folder(into)


def log_deed(into: str, **facts: Any) -> None:
    """Append a line to the log, with the time; behind one that a kill or a full disk cut off, on a line of its own."""
    facts["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps(facts, sort_keys=True).encode() + b"\n"
    with open(os.path.join(into, LOG), "a+b") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            line = line if stream.read(1) == b"\n" else b"\n" + line
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def roll_back(into: str, name: Optional[str] = None) -> str:
    """Publish an earlier generation (None: the one before) and return its name; Refused if there is none."""
    with working_on(into), storage_errors(into):
        names, now = generation_names(into), current_name(into)
        if name is None:
            earlier = names[: names.index(now)] if now in names else names
            name = earlier[-1] if earlier else None
        if name is None or name not in names:
            text = ", ".join(names) or "none"
            raise Refused("no-generation", "there is no such generation; there are: " + text, into, code=EXIT_USAGE)
        log_deed(into, action="rollback", generation=name, before=now)
        switch_to(into, name)
    return name


def prune_generations(into: str, keep: int) -> List[str]:
    """Keep the newest ``keep`` generations and the published one, drop unlisted files of these; return what went."""
    with working_on(into), storage_errors(into):
        names, now = generation_names(into), current_name(into)
        gone = [name for name in names[: max(len(names) - keep, 0)] if name != now]
        unlisted = ["{}/{}".format(name, path) for name in names if name not in gone for path in _unlisted(into, name)]
        if gone or unlisted:
            log_deed(into, action="prune", gone=gone + unlisted)
        for name in gone:
            # Renamed first: a prune that is killed leaves no generation that looks whole.
            hidden = generation_path(into, "." + name)
            os.rename(generation_path(into, name), hidden)
            shutil.rmtree(hidden)
        for path in unlisted:
            os.unlink(generation_path(into, path))
    return gone + unlisted


def unlisted_files(root: str, manifest: Manifest) -> List[str]:
    """Return the paths in a wheelhouse that its manifest does not list, hidden ones too."""
    listed = {entry.path for entry in manifest.files} | {MANIFEST, SIGNATURE, BUNDLE} | _WORKING
    files = []
    for here, folders, names in os.walk(root):
        if here == root and WORKSHOP in folders:
            folders.remove(WORKSHOP)
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        for name in names + links:
            path = os.path.relpath(os.path.join(here, name), root).replace(os.sep, "/")
            if path not in listed:
                files.append(path)
    return sorted(files)


def _unlisted(into: str, name: str) -> List[str]:
    root = generation_path(into, name)
    with open(os.path.join(root, MANIFEST), "rb") as stream:
        return unlisted_files(root, load_manifest(stream.read()))
