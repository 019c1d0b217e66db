"""URLs of a configuration: their secrets are kept apart, and local ones become paths."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wheelyard.io.urls import separate

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


def unexpanded(message: str, written: str) -> str:
    """Return a message about a text with what ``expand`` put into it taken out again: it may be a token."""
    for name in _VARIABLE.findall(written):
        value = os.environ.get(name)
        message = message.replace(value, f"${{{name}}}") if value else message
    return message


def is_url(text: str) -> bool:
    """Whether a place is one to be fetched from, rather than a path."""
    return re.match(r"https?://[^/]", text) is not None


def without_credentials(url: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return the URL without user name and password, and these by ``scheme://host[:port]``.

    :raises ValueError: if it is no URL at all, or what is a secret in it cannot be told from the rest.
    """
    bare, secret = separate(url)
    if secret is None:
        return bare, {}
    parts = urlsplit(bare)
    return bare, {f"{parts.scheme.lower()}://{parts.netloc.lower()}": secret}


def without_query(url: str) -> str:
    """Return the URL of an index, which has no query: the names of projects are put behind it.

    :raises ValueError: if it has one, which is most likely a token.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError(
            "a query or fragment does not belong behind the address of an index; give a token as the password: in "
            "~/.netrc, in a keyring, or from the environment by writing ${TOKEN} as the password"
        )
    return url


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
