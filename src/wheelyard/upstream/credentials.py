"""User names and passwords: from configured URLs, netrc and keyring. In memory only; in no log, output or error."""

from __future__ import annotations

import netrc
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from wheelyard.domain.errors import ToolError
from wheelyard.io.process import run
from wheelyard.io.urls import origin

Origin = tuple[str, str, int]


class KnownCredentials:
    """Answers the HTTP door's question who we are, for the very server that a secret is meant for."""

    def __init__(self, secrets: Mapping[Origin, tuple[str, str]] | None = None, *, keyring: bool = True) -> None:
        self._secrets = dict(secrets or {})
        self._keyring = keyring
        self._asked: dict[Origin, tuple[str, str] | None] = {}
        self._netrc: netrc.netrc | None = None
        self._netrc_read = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "KnownCredentials(…)"

    def add(self, url: str, secret: tuple[str, str]) -> None:
        """Take a user name and password for the server of a URL."""
        with self._lock:
            self._secrets[origin(url)] = secret

    def known(self, url: str) -> tuple[str, str] | None:
        """Return what a configured URL held for this server, what keyring said before, or what netrc has."""
        place = origin(url)
        with self._lock:
            found = self._secrets.get(place) or self._asked.get(place)
            if found is not None and found[1]:
                return found
            return self._from_netrc(place[1]) or found

    def challenged(self, url: str) -> tuple[str, str] | None:
        """Ask the ``keyring`` program, once a server."""
        place = origin(url)
        with self._lock:
            if not self._keyring or place in self._asked:
                return None
            user = self._secrets.get(place, ("", ""))[0]
            self._asked[place] = found = _from_keyring(url, user)
            return found

    def _from_netrc(self, host: str) -> tuple[str, str] | None:
        if not self._netrc_read:
            self._netrc_read = True
            self._netrc = _read_netrc()
        authenticators = self._netrc.authenticators(host) if self._netrc else None
        return (authenticators[0] or authenticators[1] or "", authenticators[2] or "") if authenticators else None


def _read_netrc() -> netrc.netrc | None:
    """Read ``$NETRC`` or ``~/.netrc``; one that is missing or damaged is as good as none (as for pip)."""
    given = os.environ.get("NETRC")
    for path in [Path(given)] if given else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            return netrc.netrc(str(path))
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
    return None


def _from_keyring(url: str, user: str) -> tuple[str, str] | None:
    program = shutil.which("keyring")
    if program is None:
        return None
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    for service in (f"{parts.scheme}://{host}{parts.path}", f"{parts.scheme}://{host}", host):
        try:
            asked = run([program, "get", service, user or "__token__"], timeout=30)
        except ToolError:
            return None
        password = asked.output.strip("\r\n")
        if asked.returncode == 0 and password:
            return user or "__token__", password
    return None
