"""URLs of a configuration: their secrets are kept apart, and local ones become paths."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


class UnsetVariableError(ValueError):
    """A ``${NAME}`` whose variable is not set."""


def expand(text: str) -> str:
    """Replace each ``${NAME}`` (capitals only, as pip does) by the environment variable.

    :raises UnsetVariableError: naming the variable that is not set.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in os.environ:
            raise UnsetVariableError(f"environment variable {name} is not set")
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def is_url(text: str) -> bool:
    """Whether a place is one to be fetched from, rather than a path."""
    return re.match(r"https?://[^/]", text) is not None


def without_credentials(url: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return the URL without user name and password, and these by ``scheme://host[:port]``.

    :raises ValueError: if it is no URL at all.
    """
    parts = urlsplit(url)
    _ = parts.port  # raises ValueError where it is no number
    place = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, place, parts.path, parts.query, parts.fragment))
    if parts.username is None and parts.password is None:
        return bare, {}
    secret = (unquote(parts.username or ""), unquote(parts.password or ""))
    return bare, {f"{parts.scheme.lower()}://{place.lower()}": secret}


def local_path(url: str) -> str | None:
    """Return the path of a ``file:`` URL of this machine (RFC 8089), None for any other."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost"):
        return None
    return unquote(parts.path)


def user_path(text: str) -> Path:
    """Return a path with ``~`` put in; an unknown user's stays as it is, and is then not found."""
    return Path(os.path.expanduser(text))  # noqa: PTH111  (Path.expanduser raises for an unknown user)


def is_file(path: Path) -> bool:
    """Whether a file is there; no, where its name alone is impossible (too long, a NUL)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; no, where its name alone is impossible (too long, a NUL)."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
