"""Go modules: pinned by ``go.sum``, fetched by go, laid out as a proxy in a folder, which go takes them from."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wheelyard.domain.errors import HashMismatchError, ToolError, UpstreamError, WheelError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.io import process as door
from wheelyard.prefetch.kept import keep
from wheelyard.prefetch.protocol import Errand, last_words
from wheelyard.prefetch.reading import files_named, text_of, unreadable

NAME = "golang"
BUILDERS = frozenset({"setuptools-golang"})

_LINE = re.compile(
    r"(?P<module>[\w.~-]+(/[\w.~-]+)*) (?P<version>v\d[\w.+-]*)(?P<mod>/go\.mod)? h1:(?P<sum>[\w+/]{43}=)"
)
_MOD = "/go.mod"
"""Behind a version: of this module, only what it needs itself is looked at."""
_AT_ONCE = 100
_PATIENCE = 1800.0
"""Seconds for that many modules."""
_LARGEST = 1 << 30
"""Bytes that a module may unpack to; go takes half of that."""


def needs(source: Path, where: str) -> tuple[Prefetched, ...]:
    """Return what each ``go.sum`` of a source tree lists; nothing of a module that carries its own (``vendor``).

    :raises BuildError: if one cannot be read.
    """
    pinned: dict[Prefetched, None] = {}
    for path in files_named(source, {"go.sum"}, without={"modules.txt"}):
        lock = path.relative_to(source).as_posix()
        if (path.parent / "vendor" / "modules.txt").is_file():
            continue
        for number, line in enumerate(text_of(path, source, where).splitlines(), 1):
            match = _LINE.fullmatch(line.strip())
            if match is None or ".." in match["module"].split("/"):
                raise unreadable(lock, where, f"line {number} names no module, version and hash")
            version = match["version"] + (match["mod"] or "")
            pin = Prefetched(
                registry="golang", name=match["module"], version=version, checksum=f"h1:{match['sum']}", lock=lock
            )
            pinned[pin] = None
    return tuple(pinned)


def made_locks(source: Path, errand: Errand) -> Mapping[str, bytes]:  # noqa: ARG001  (a registry's signature)
    """Return nothing: go itself refuses to build what has no ``go.sum``."""
    return {}


def fetch(packages: Sequence[Prefetched], errand: Errand) -> None:
    """Bring modules into the store; see :class:`wheelyard.prefetch.protocol.Registry`."""
    whole = [package for package in packages if not package.version.endswith(_MOD)]
    known = {(package.name, package.version) for package in whole}
    bare = [
        package
        for package in packages
        if package.version.endswith(_MOD) and (package.name, package.version.removesuffix(_MOD)) not in known
    ]
    _run(whole, ("mod", "download"), errand)
    _run(bare, ("list", "-m"), errand)
    for package in packages:
        _take(package, errand)


def _run(packages: Sequence[Prefetched], words: Sequence[str], errand: Errand) -> None:
    program = shutil.which("go")
    if program is None:
        raise ToolError(
            "it takes modules of Go, which go fetches, and there is no go here",
            where=errand.where,
            hint="dnf install golang, apt install golang-go",
        )
    # What go.sum says is compared here; go asks its proxy, by the user's own settings.
    env = {**os.environ, "GOMODCACHE": str(_cache(errand)), "GOFLAGS": "-modcacherw", "GOSUMDB": "off", "GOWORK": "off"}
    for start in range(0, len(packages), _AT_ONCE):
        specs = [f"{each.name}@{each.version.removesuffix(_MOD)}" for each in packages[start : start + _AT_ONCE]]
        done = door.run([program, *words, *specs], cwd=errand.folder, env=env, merge=True, timeout=_PATIENCE)
        if done.returncode != 0 or done.timed_out:
            raise UpstreamError(
                f"go {' '.join(words)} failed:\n{last_words(done)}",
                where=errand.where,
                hint="go asks the proxy that it is configured for: go env GOPROXY",
            )


def _cache(errand: Errand) -> Path:
    return errand.folder / "modules"


def _take(package: Prefetched, errand: Errand) -> None:
    """Put a module's archive, or its ``go.mod``, into the store if it is what ``go.sum`` promises."""
    path = _place(_cache(errand) / "cache" / "download", package)
    try:
        found = f"h1:{_go_sum(path, package)}"
    except OSError as error:
        raise UpstreamError(f"go has not fetched {package.title}", where=errand.where) from error
    if found != package.checksum:
        raise HashMismatchError(
            f"{package.lock} says {package.checksum}, the proxy has {found}",
            where=f"{errand.where}: {package.title}",
            hint="do not use this proxy before you know why",
        )
    keep(errand.store, package, errand.store.add_file(path))


def _place(proxy: Path, package: Prefetched) -> Path:
    """Return where a proxy has a module's archive or ``go.mod``: the ``GOPROXY`` protocol, ``!`` before a capital."""
    module, version = (re.sub("[A-Z]", lambda match: f"!{match[0].lower()}", text) for text in _names(package))
    return proxy / module / "@v" / f"{version}.{'mod' if package.version.endswith(_MOD) else 'zip'}"


def _names(package: Prefetched) -> Iterator[str]:
    yield package.name
    yield package.version.removesuffix(_MOD)


def _go_sum(path: Path, package: Prefetched) -> str:
    """Return Go's first hash (``h1``): SHA-256 of a list of all files with theirs, in order."""
    if package.version.endswith(_MOD):
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  go.mod\n"]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                    raise WheelError("it unpacks to more than any module", where=package.title)
                names = sorted(archive.namelist())
                lines = [f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}\n" for name in names]
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise WheelError(f"is not a whole archive: {error}", where=package.title) from error
    return base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def lay_out(blobs: Mapping[Prefetched, Path], root: Path) -> Mapping[str, str]:
    """Make a proxy's folder in a workspace; return the variables that make it go's only source.

    Go compares all of it with ``go.sum`` again, and unpacks it by its own rules in the sandbox.
    """
    proxy = root / "goproxy"
    for package, blob in blobs.items():
        place = _place(proxy, package)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(blob.read_bytes())
        place.with_suffix(".info").write_text(json.dumps({"Version": package.version.removesuffix(_MOD)}))
    return {
        "GOPROXY": proxy.as_uri(),
        "GOSUMDB": "off",
        "GOMODCACHE": str(root / "gomodules"),
        "GOCACHE": str(root / "gocache"),
        "GOTOOLCHAIN": "local",
    }
