"""What is common to every page of links: which of them are distribution files of a project."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from packaging.utils import canonicalize_name
from packaging.version import VERSION_PATTERN

SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]{0,254}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PLAIN = re.compile(
    r"(https?://[a-z0-9.-]+(?::[0-9]{1,5})?/(?:[A-Za-z0-9_.+~-]+/)*([A-Za-z0-9_.+~-]+))(?:#([a-z0-9=]*))?\Z"
)
_VERSION = re.compile(rf"{VERSION_PATTERN}\Z", re.VERBOSE | re.IGNORECASE)
_SCHEMES = {"http": ("http", "https"), "https": ("http", "https"), "file": ("http", "https", "file")}


def sha256_or_none(text: object) -> str | None:
    """Return a well-formed hexadecimal SHA-256 in lower case, else None."""
    lowered = text.lower() if isinstance(text, str) else ""
    return lowered if _SHA256.match(lowered) else None


def is_safe_filename(filename: str) -> bool:
    """Whether a name is one that a distribution file can have: no slash, no control character, nothing to escape."""
    return bool(_SAFE.match(filename)) and ".." not in filename


def belongs(filename: str, project: str) -> bool:
    """Whether a file name is that of a wheel or sdist of a project (normalised name)."""
    if not is_safe_filename(filename):
        return False
    if filename.endswith(".whl"):
        parts = filename.count("-")
        return parts in (4, 5) and _normal(filename.partition("-")[0]) == project
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            stem = filename[: -len(suffix)]
            return any(
                character == "-" and _normal(stem[:at]) == project and _VERSION.match(stem, at + 1)
                for at, character in enumerate(stem)
                if at
            )
    return False


def possible_projects(filename: str) -> frozenset[str]:
    """Return the normalised names that a file ``belongs`` to: mostly one, but an sdist's may end at any hyphen."""
    if filename.endswith(".whl"):
        names = {_normal(filename.partition("-")[0])}
    else:
        names = {_normal(filename[:at]) for at, character in enumerate(filename) if at and character == "-"}
    return frozenset(name for name in names if belongs(filename, name))


def target_of(url: str, page: str) -> tuple[str, str, str] | None:
    """Return an absolute link's file name, URL without secrets and fragment, and fragment; None if it is not safe.

    A page from the net may not point at files of this machine.
    """
    if plain := _PLAIN.match(url):  # nearly every link; taking URLs apart is most of the work on a large page
        return plain[2], plain[1], plain[3] or ""
    try:
        parts = urlsplit(url)
        allowed = _SCHEMES.get(urlsplit(page).scheme.lower(), ())
        if parts.scheme.lower() not in allowed:
            return None
        netloc = parts.netloc.rpartition("@")[2]
        filename = unquote(parts.path.rpartition("/")[2])
        return filename, urlunsplit((parts.scheme, netloc, parts.path, parts.query, "")), parts.fragment
    except ValueError:
        return None


def upload_time_or_none(text: object) -> str | None:
    """Return a time as PEP 700 writes it, in UTC; None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z") if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def provenance_or_none(text: object, page: str) -> str | None:
    """Return the URL of a file's attestations (PEP 740), without user name and password; None for what is none."""
    try:
        found = target_of(urljoin(page, text), page) if isinstance(text, str) and text else None
    except ValueError:
        return None
    return found[1] if found is not None and found[1].startswith(("https://", "http://")) else None


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    return canonicalize_name(name)
