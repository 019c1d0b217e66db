"""URLs taken apart: what a person may see of them, what a secret belongs to, which file they name."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.redact import hide_line


def redact(url: str) -> str:
    """Return a URL as it is shown: without user name, password, query and fragment, however it is written."""
    return re.sub(r"[?#].*", "", hide_line(url), flags=re.DOTALL).replace("****@", "")


def separate(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return a URL that a person wrote without its user name and password, and these.

    :raises ValueError: if it is no URL, or has an ``@`` behind its host: most likely a password with a ``/``, ``?`` or
        ``#`` in it, of which the rest would be taken for a path. The message shows nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        parts = None
    if "@" in (url if parts is None else f"{parts.path}?{parts.query}#{parts.fragment}") and "file:/" not in url[:6]:
        raise ValueError(
            "an @ behind the host: in a user name or password write / as %2F, ? as %3F, # as %23 and @ as %40, or put "
            "them into ~/.netrc or a keyring; in a path write @ as %40"
        )
    if parts is None:
        raise ValueError("not a URL: its host or port is wrong")
    return without_userinfo(url), userinfo(url)


def without_userinfo(url: str) -> str:
    """Return a URL without user name and password; everything else as it was."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL: what a secret belongs to.

    :raises UpstreamError: if it is not a URL.
    """
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(scheme, 0)
    except ValueError:
        raise UpstreamError("the URL is not valid", where=redact(url)) from None


def local_path(url: str) -> Path | None:
    """Return the path that a ``file:`` URL names, None for any other URL.

    :raises UpstreamError: if the URL names a file of another machine.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "file":
        return None
    if parts.netloc not in ("", "localhost") or "\0" in (path := unquote(parts.path)):
        raise UpstreamError("a file URL must name a file of this machine", where=redact(url))
    return Path(path)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this very machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def userinfo(url: str) -> tuple[str, str] | None:
    """Return the user name and password in a URL, if it has any."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")
