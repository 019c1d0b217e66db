"""The wheelhouse that install.py lies in: read, believed or refused, and this host's folder checked file by file."""

import hashlib
import os
import stat
from typing import Callable, List, NamedTuple, Optional, Tuple

from wheelyard.host.manifest import (
    MANIFEST,
    MAX_MANIFEST,
    SIGNATURE,
    FileEntry,
    Manifest,
    TargetInfo,
    channel_of,
    digest_of,
    load_manifest,
)
from wheelyard.host.refusal import EXIT_HASH, EXIT_USAGE, Refused
from wheelyard.host.smallfiles import unreadable
from wheelyard.host.sshsig import MAX_SIGNATURES

Advance = Callable[[int, int], None]

# A manifest as bytes, of which nothing is believed yet. ``channel``: what its first bytes say.
Sealed = NamedTuple(
    "Sealed", [("root", str), ("content", bytes), ("digest", str), ("signature", Optional[str]), ("channel", str)]
)

Source = NamedTuple(
    "Source",
    [("root", str), ("manifest", Manifest), ("content", bytes), ("digest", str), ("signature", Optional[str])],
)


def generation_mark(root: str) -> Tuple[int, ...]:
    """Return what another publication changes: which folder lies at this path, and which manifest in it.

    Who finds a fault, and then another mark, has looked at two generations: it looks again.
    """
    found: List[int] = []
    for path in (root, os.path.join(root, MANIFEST)):
        try:
            status = os.stat(path)
        except OSError:
            return ()
        found += [status.st_dev, status.st_ino]
    return tuple(found)


def read_sealed(root: str) -> Sealed:
    """Return the manifest of a wheelhouse as it lies there, unopened: what a signature is checked against.

    :raises Refused: ``no-manifest``, ``manifest-too-big``, ``bad-manifest``.
    """
    mark = generation_mark(root)
    sealed = _read_sealed(root)
    while generation_mark(root) != mark:  # manifest and signature are of one generation
        mark = generation_mark(root)
        sealed = _read_sealed(root)
    return sealed


def _read_sealed(root: str) -> Sealed:
    path = os.path.join(root, MANIFEST)
    if not os.path.isfile(path):
        hint = "run install.py from inside the wheelhouse, or pass --from DIR"
        raise Refused("no-manifest", "there is no wheelhouse: {} is missing".format(MANIFEST), root, hint, EXIT_USAGE)
    if os.path.getsize(path) > MAX_MANIFEST:
        raise Refused("manifest-too-big", "larger than {} MiB".format(MAX_MANIFEST >> 20), where=path)
    with open(path, "rb") as stream:
        content = stream.read(MAX_MANIFEST + 1)
    signature = os.path.join(root, SIGNATURE)
    return Sealed(
        root=root,
        content=content,
        digest=digest_of(content),
        signature=_signature(signature) if os.path.isfile(signature) else None,
        channel=channel_of(content),
    )


def _signature(path: str) -> str:
    with open(path, "rb") as stream:
        content = stream.read(MAX_SIGNATURES + 1)
    if len(content) > MAX_SIGNATURES:
        raise Refused("bad-signature", "the signature file is larger than {} KiB".format(MAX_SIGNATURES >> 10), path)
    return content.decode("ascii", "replace")


def opened(sealed: Sealed, manifest: Manifest) -> Source:
    """Return a wheelhouse together with its manifest, which was parsed."""
    return Source(sealed.root, manifest, sealed.content, sealed.digest, sealed.signature)


def open_source(root: str) -> Source:
    """Return a wheelhouse as its manifest lists it; whether to believe it was asked before, or does not matter.

    :raises Refused: ``no-manifest``, or what ``load_manifest`` says.
    """
    sealed = read_sealed(root)
    return opened(sealed, load_manifest(sealed.content))


def file_digest(path: str) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    state = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def check_file(root: str, entry: FileEntry) -> None:
    """Refuse a file that is not exactly what the manifest lists: ``missing``, ``unsafe-file`` or ``changed``."""
    path = os.path.join(root, *entry.path.split("/"))
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("unsafe-file", "not a regular file", where=entry.path)
        same = status.st_size == entry.size and file_digest(path) == entry.sha256
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("missing", "the file is missing", where=entry.path, code=EXIT_HASH) from None
    except OSError as error:
        raise unreadable(entry.path, error, EXIT_HASH) from None
    if not same:
        hint = "copy it again; wheelyard check DIR names every fault"
        raise Refused("changed", "the content is not what the manifest says", entry.path, hint, EXIT_HASH)


def needed_files(manifest: Manifest, target: TargetInfo, with_python: bool = False) -> List[FileEntry]:
    """Return what a host needs of a wheelhouse: a target's folder, install.py, and perhaps the carried Python."""
    folder = "targets/{}/".format(target.folder)
    return [
        entry
        for entry in manifest.files
        if entry.path == "install.py"
        or (with_python and entry.path == target.python_archive)
        or (entry.path.startswith(folder) and "/" not in entry.path[len(folder) :])
    ]


def check_folder(source: Source, target: TargetInfo, advance: Advance, with_python: bool = False) -> List[str]:
    """Check every file that pip will see in a target's folder, and install.py, and return the names of the wheels.

    :raises Refused: ``changed``, ``missing``, ``extra-file``, …
    """
    folder = "targets/{}/".format(target.folder)
    listed = needed_files(source.manifest, target, with_python)
    names = {entry.path[len(folder) :] for entry in listed if entry.path.startswith(folder)}
    place = os.path.join(source.root, "targets", target.folder)
    there = os.listdir(place) if os.path.isdir(place) else []
    for name in sorted(there):
        if name not in names and not os.path.isdir(os.path.join(place, name)):
            raise Refused("extra-file", "the manifest does not list this file", where=folder + name, code=EXIT_HASH)
    total, done = sum(entry.size for entry in listed), 0
    for entry in listed:
        check_file(source.root, entry)
        done += entry.size
        advance(done, total)
    return sorted(name for name in names if name.endswith(".whl"))
