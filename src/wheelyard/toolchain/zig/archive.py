"""The CPython that ``[[target]] sdk`` names: found or fetched, and what a cross build takes out of it."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from wheelyard.config.urls import is_url
from wheelyard.domain.errors import ToolError
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.target import BuildHost
from wheelyard.io import files
from wheelyard.store.blobs import Store, checked
from wheelyard.toolchain.zig import installer, variables

_LARGEST = 16 << 20
_MAX_HEADERS = 64 << 20
_HINT = (
    "a .tar.gz or .tar.xz with include/pythonX.Y and lib/pythonX.Y/_sysconfigdata_*.py, as relocatable CPythons have, "
    "or an installer package of python.org"
)


def missing(build: BuildHost, store: Store) -> tuple[RemoteFile, ...]:
    """Return a target's SDK if it is to be fetched into the store."""
    if not (build.sdk and build.sdk_sha256 and is_url(build.sdk)) or store.has(build.sdk_sha256):
        return ()
    return (RemoteFile(filename=PurePosixPath(build.sdk).name, url=build.sdk, sha256=build.sdk_sha256),)


def find(build: BuildHost, store: Store) -> tuple[Path, str] | None:
    """Return the archive of a target's SDK and its SHA-256; None where none is given.

    :raises ToolError: if it is not there, or not the one that was promised.
    :raises HashMismatchError: if the store's is not what it was.
    """
    if build.sdk is None:
        return None
    if is_url(build.sdk):
        if build.sdk_sha256 is None or not store.has(build.sdk_sha256):
            raise ToolError("the SDK is not in the store", where=build.sdk, hint="run again: it is fetched first")
        return checked(store.path(build.sdk_sha256), where=build.sdk), build.sdk_sha256
    archive = Path(build.sdk)
    if not archive.is_file():
        raise ToolError("there is no such SDK", where=str(archive), hint=_HINT)
    digest = files.sha256(archive)
    if build.sdk_sha256 not in (None, digest):
        raise ToolError(
            f"the SDK has SHA-256 {digest}, not {build.sdk_sha256}", where=str(archive), hint="fetch it again"
        )
    return archive, digest


def read(archive: Path, python: str) -> tuple[dict[str, bytes], dict[str, object]]:
    """Return headers, by path below ``include/pythonX.Y``, and ``sysconfig`` variables; nothing is run or written.

    :raises ToolError: if it cannot be read, or is no Python ``X.Y``.
    """
    headers: dict[str, bytes] = {}
    given: dict[str, object] = {}
    others: set[str] = set()

    def wanted(name: str) -> bool:
        other = _is_header(name)
        if other is not None and other[0] != f"python{python}":
            others.add(other[0])
        return (other is not None and other[0] == f"python{python}") or _is_data(name, python)

    try:
        for name, content in _files(archive, wanted):
            if header := _is_header(name):
                headers[header[1]] = content
                if sum(map(len, headers.values())) > _MAX_HEADERS:
                    raise ValueError("its headers are too big")
            else:
                given = variables.parse(content.decode("utf-8", "replace"), PurePosixPath(name).name)
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, LZMAError) as error:
        raise ToolError(f"the SDK cannot be read: {error}", where=str(archive), hint=_HINT) from error
    if "pyconfig.h" not in headers or not given:
        is_other = f"it is for {', '.join(sorted(others))}, not python{python}" if others and not headers else ""
        raise ToolError(
            is_other or f"it holds no headers or variables of python{python}", where=str(archive), hint=_HINT
        )
    return headers, given


def _is_header(name: str) -> tuple[str, str] | None:
    """Return the folder below ``include`` and the path in it, of the headers of a Python."""
    parts = PurePosixPath(name).parts
    if "include" not in parts or not name.endswith(".h") or not name.isprintable():
        return None
    below = parts[parts.index("include") + 1 :]
    if len(below) < 2 or ".." in below or not below[0].startswith("python"):
        return None
    return below[0], "/".join(below[1:])


def _is_data(name: str, python: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[-2:-1] == (f"python{python}",) and parts[-1].startswith("_sysconfigdata_") and name.endswith(".py")


def _files(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that are wanted."""
    with archive.open("rb") as stream:
        is_package = stream.read(len(installer.MAGIC)) == installer.MAGIC
    if is_package:
        yield from installer.files(archive, wanted, largest=_LARGEST)
        return
    with tarfile.open(archive) as members:
        for member in members:
            if member.isfile() and member.size <= _LARGEST and wanted(member.name):
                reader = members.extractfile(member)
                yield member.name, reader.read() if reader is not None else b""
