"""``Cargo.lock``, versions 1 to 4, wherever it lies in a source tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from wheelyard.domain.errors import BuildError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch.reading import files_named, toml_of, unreadable

LOCK = "Cargo.lock"
VENDORED = ".cargo-checksum.json"
"""A file in each crate of a directory source."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
_VERSION = re.compile(r"\d[0-9A-Za-z.+-]{0,127}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DEFAULT = re.compile(r"registry\+https://[^/]+/rust-lang/[^/]+-index")
"""What every lock calls cargo's default registry, wherever its crates really come from."""


def needs(source: Path, where: str) -> tuple[Prefetched, ...]:
    """Return the crates that all locks of a source tree pin; none where it carries them itself, by ``cargo vendor``.

    :raises BuildError: if a lock cannot be read, or pins a crate without a checksum.
    """
    pinned: dict[Prefetched, None] = {}
    for path in files_named(source, {LOCK}, without={VENDORED}):
        if not carries_crates(path.parent, source, where):
            pinned |= dict.fromkeys(pins(toml_of(path, source, where), path.relative_to(source).as_posix(), where))
    return tuple(pinned)


def carries_crates(folder: Path, source: Path, where: str) -> bool:
    """Whether configuration of the tree's own, at or above a folder, names a directory of crates in it."""
    inside = [folder, *(parent for parent in folder.parents if parent.is_relative_to(source))]
    for place in inside:
        for config in (place / ".cargo" / "config.toml", place / ".cargo" / "config"):
            if not config.is_file() or config.is_symlink():
                continue
            tables = toml_of(config, source, where).get("source")
            named = tables.values() if isinstance(tables, dict) else ()
            if any(isinstance(table, dict) and "directory" in table for table in named):
                return True
    return False


def pins(document: Mapping[str, Any], lock: str, where: str) -> Iterator[Prefetched]:
    """Yield what one lock pins, save what lies beside it.

    :param lock: its path in the source tree.
    :param where: ``name version`` of the sdist, for messages.
    :raises BuildError: naming the entry that is wrong.
    """
    entries, metadata = document.get("package", []), document.get("metadata", {})
    if not isinstance(entries, list) or not isinstance(metadata, dict):
        raise unreadable(lock, where, "[[package]] is no list of tables")
    for number, entry in enumerate(entries, 1):
        at = f"{where}: {lock}: [[package]] {number}"
        if not isinstance(entry, dict):
            raise unreadable("an entry", at, "it is no table")
        said = {key: entry.get(key, "") for key in ("name", "version", "source", "checksum")}
        if not all(isinstance(value, str) for value in said.values()):
            raise unreadable("an entry", at, "a value of it is no text")
        name, version, source = said["name"], said["version"], said["source"]
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise unreadable("an entry", at, "its name or version is none that a crate can have")
        if source:
            # Version 1 has the checksums apart.
            digest = said["checksum"] or metadata.get(f"checksum {name} {version} ({source})", "")
            yield Prefetched(
                registry="cargo",
                name=name,
                version=version,
                source=source.partition("#")[0],
                checksum=_checksum(source, digest, f"{at} ({name} {version})"),
                lock=lock,
            )


def _checksum(source: str, digest: object, at: str) -> str:
    kind, _, url = source.partition("+")
    if kind == "git":
        commit = url.partition("#")[2]
        if not _COMMIT.fullmatch(commit):
            raise BuildError("a git dependency without a commit", where=at, hint="make the lock anew: cargo update")
        return f"git:{commit}"
    if kind not in ("registry", "sparse"):
        raise BuildError(f"crates from {kind} are not known", where=at, hint="tell us, with this lock")
    if not isinstance(digest, str) or not _CHECKSUM.fullmatch(digest):
        raise BuildError(
            "has no checksum in Cargo.lock: nobody could tell whether it is the right one",
            where=at,
            hint="make the lock anew, by cargo with a registry that has checksums, and add it by a patch",
        )
    return f"sha256:{digest}"


def repository_of(crate: Prefetched) -> tuple[str, dict[str, str]] | None:
    """Return the address of a git dependency, and the branch, tag or rev that was asked for; None: it is of none."""
    if not crate.source.startswith("git+"):
        return None
    parts = urlsplit(crate.source.removeprefix("git+"))
    asked = {key: value for key, value in parse_qsl(parts.query) if key in ("branch", "tag", "rev")}
    return parts._replace(query="").geturl(), asked


def index_of(crate: Prefetched) -> str | None:
    """Return the address of a crate's registry as cargo is configured with it; None: cargo's default."""
    return None if _DEFAULT.fullmatch(crate.source) else crate.source.removeprefix("registry+")
