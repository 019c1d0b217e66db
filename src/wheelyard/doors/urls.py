"""URLs taken apart: what a person may see of them, what a secret belongs to, which file they name."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from wheelyard.errors import UpstreamError


def redact(url: str) -> str:
    """Return a URL without user name, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "(an invalid URL)"


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
