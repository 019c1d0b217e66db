"""A wheelhouse on a server: what this host needs of it is fetched into a folder, and is then checked like a disk's."""

import os
import urllib.error
import urllib.request
from typing import Callable, Iterable

from wheelyard.host.manifest import MANIFEST, MAX_MANIFEST, SIGNATURE, FileEntry
from wheelyard.host.policy import REVOKED, SIGNERS
from wheelyard.host.refusal import EXIT_NETWORK, EXIT_USAGE, Refused
from wheelyard.host.smallfiles import MAX_SMALL
from wheelyard.host.sshsig import MAX_SIGNATURES

_TIMEOUT = 60  # seconds in which a server has to say something


def is_url(source: str) -> bool:
    """Whether a wheelhouse is given by its address."""
    return source.startswith(("http://", "https://", "file://"))


def _get(url: str, path: str, root: str, most: int) -> bool:
    """Fetch a file of at most so many bytes; False if it is not there."""
    whole = "{}/{}".format(url.rstrip("/"), urllib.request.pathname2url(path))
    goal = os.path.join(root, *path.split("/"))
    os.makedirs(os.path.dirname(goal), exist_ok=True)
    try:
        with urllib.request.urlopen(whole, timeout=_TIMEOUT) as stream, open(goal, "wb") as out:
            left = most
            while left >= 0:
                block = stream.read(min(1 << 20, left + 1))
                if not block:
                    return True
                left -= len(block)
                out.write(block)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise Refused("unreachable", "the server says: {}".format(error), where=whole, code=EXIT_NETWORK) from None
    except (OSError, ValueError) as error:
        if isinstance(getattr(error, "reason", None), FileNotFoundError):  # of a file:// address
            return False
        message = "cannot be fetched: {}".format(getattr(error, "reason", error))
        raise Refused("unreachable", message, where=whole, hint="is the address right?", code=EXIT_NETWORK) from None
    raise Refused("too-big", "the server sends more than it should", where=whole, code=EXIT_NETWORK)


def fetch_sealed(url: str, root: str) -> None:
    """Fetch the manifest of a wheelhouse and what says whom to believe.

    :raises Refused: ``unreachable``, ``no-manifest`` or ``too-big``.
    """
    if not _get(url, MANIFEST, root, MAX_MANIFEST):
        hint = "the address is that of the wheelhouse's first page, without index.html"
        raise Refused("no-manifest", "there is no wheelhouse here", where=url, hint=hint, code=EXIT_USAGE)
    for name, most in ((SIGNATURE, MAX_SIGNATURES), (SIGNERS, MAX_SMALL), (REVOKED, MAX_SMALL)):
        _get(url, name, root, most)


def fetch_files(url: str, root: str, entries: Iterable[FileEntry], advance: Callable[[int, int], None]) -> None:
    """Fetch files that a manifest lists, each no larger than it says; what they hold is checked afterwards."""
    wanted = list(entries)
    total, done = sum(entry.size for entry in wanted), 0
    for entry in wanted:
        _get(url, entry.path, root, entry.size)
        done += entry.size
        advance(done, total)
