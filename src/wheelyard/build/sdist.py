"""Sdists: unpacked without trusting them, patched, and read without running anything of theirs.

PEP 517, 518 (build system), 621 (project table), 643 (metadata of sdists), 706 (safe extraction).
"""

from __future__ import annotations

import bz2
import calendar
import contextlib
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.parser import BytesHeaderParser
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from packaging.requirements import InvalidRequirement, Requirement

from wheelyard.doors import run as door
from wheelyard.doors.files import storage_error
from wheelyard.errors import BuildError, ToolError, WheelError

MAX_MEMBERS = 200_000
MAX_SIZE = 4 << 30
"""Bytes that an sdist may unpack to."""
_MAX_READ = 64 << 20
"""Bytes of one read: only a header that is meant to fill our memory is bigger."""
_MAX_METADATA = 16 << 20
_DEPENDENCY_FIELDS = frozenset({"requires-dist", "requires-python", "provides-extra"})
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError)
_PATCH_SAYS = re.compile(r"patching file|Hunk #|Reversed|\d+ out of|.*(can't find|malformed|garbage)")
_LEGACY_REQUIRES = ("setuptools >= 40.8.0",)


def unpack_sdist(sdist: Path, into: Path, *, filename: str | None = None) -> Path:
    """Unpack an sdist (tar with any usual compression, or zip) and return the one folder that it holds.

    :param filename: its name, where ``sdist`` is a blob of the store.
    :raises WheelError: if it is damaged, or has members that climb out, devices, too much, or not one top folder.
    """
    where = filename or sdist.name
    into.mkdir(parents=True, exist_ok=True)
    try:
        with sdist.open("rb") as stream:
            tops = _unzip(stream, into, where) if _is_zip(stream) else _untar(stream, into, where)
    except _DAMAGED as error:
        raise WheelError(f"is not a whole archive: {error}", where=where) from error
    except OSError as error:
        if error.errno is None:  # gzip.BadGzipFile and the like
            raise WheelError(f"is not a whole archive: {error}", where=where) from error
        raise storage_error(into, error) from error
    if len(tops) != 1 or not (into / next(iter(tops))).is_dir():
        raise WheelError(f"an sdist has one top folder, this has {len(tops)} entries there", where=where)
    return into / next(iter(tops))


def _is_zip(stream: IO[bytes]) -> bool:
    magic = stream.read(4)
    stream.seek(0)
    return magic == b"PK\x03\x04"


def _parts(name: str, where: str) -> tuple[str, ...]:
    """Return the parts of a member's name below the archive's root; empty for the root itself.

    :raises WheelError: if the name leads out.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
        raise WheelError(f"a member's name leads out of the archive: {name!r}", where=where)
    return parts


class _Bounded(io.RawIOBase):
    """A stream that is never asked for more than a sane piece at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise tarfile.ReadError("a header of absurd size")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextlib.contextmanager
def _tar(stream: IO[bytes]) -> Iterator[tarfile.TarFile]:
    magic = stream.read(6)
    stream.seek(0)
    opened: IO[bytes] = stream
    if magic.startswith(b"\x1f\x8b"):
        opened = cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))
    elif magic.startswith(b"BZh"):
        opened = cast("IO[bytes]", bz2.BZ2File(stream))
    elif magic.startswith(b"\xfd7zXZ"):
        opened = cast("IO[bytes]", lzma.LZMAFile(stream))  # noqa: SIM115  (closed below)
    bounded = _Bounded(opened)
    with contextlib.closing(bounded), tarfile.open(fileobj=cast("IO[bytes]", bounded), mode="r:") as archive:
        yield archive


def _members(archive: tarfile.TarFile, where: str) -> Iterator[tuple[tarfile.TarInfo, tuple[str, ...]]]:
    """Yield the members with the parts of their names, each judged before the next is read.

    :raises WheelError: for a member that no sdist needs.
    """
    total = 0
    for count, member in enumerate(archive):
        total += member.size
        if count >= MAX_MEMBERS or total > MAX_SIZE:
            raise WheelError(f"unpacks to more than {MAX_MEMBERS} members or {MAX_SIZE >> 30} GiB", where=where)
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()) or member.issparse():
            raise WheelError(f"holds a device, pipe or sparse file: {member.name!r}", where=where)
        parts = _parts(member.name, where)
        if parts:
            yield member, parts


def _untar(stream: IO[bytes], into: Path, where: str) -> set[str]:
    tops = set()
    with _tar(stream) as archive:
        for member, parts in _members(archive, where):
            tops.add(parts[0])
            try:
                # PEP 706: refuses links that lead out, drops owners, setuid and the like.
                archive.extract(member, into, filter="data")
            except tarfile.FilterError as error:
                raise WheelError(f"holds an unsafe member: {error}", where=where) from error
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise WheelError(f"two members are at the same place: {member.name!r}", where=where) from error
    return tops


def _unzip(stream: IO[bytes], into: Path, where: str) -> set[str]:
    tops = set()
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_SIZE:
            raise WheelError(f"unpacks to more than {MAX_MEMBERS} members or {MAX_SIZE >> 30} GiB", where=where)
        for member in members:
            mode = member.external_attr >> 16
            if member.flag_bits & 1 or stat.S_ISLNK(mode) or (stat.S_IFMT(mode) and not _is_plain(mode)):
                raise WheelError(f"holds a link, device or encrypted member: {member.filename!r}", where=where)
            parts = _parts(member.filename, where)
            if not parts:
                continue
            tops.add(parts[0])
            path = into.joinpath(*parts)
            if member.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            path.chmod(0o755 if mode & 0o111 else 0o644)
            written = calendar.timegm((*member.date_time, 0, 0, 0))
            os.utime(path, (written, written))
    return tops


def _is_plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def apply_patches(source: Path, patches: Sequence[Path], *, log: Path | None = None) -> None:
    """Apply patch files in order with ``patch -p1``.

    :raises BuildError: naming the patch and the hunk that does not fit.
    :raises ToolError: if there is no patch program.
    """
    if patches and shutil.which("patch") is None:
        raise ToolError("the program patch is needed and not installed", hint="dnf install patch, apt install patch")
    for patch in patches:
        if not patch.is_file():
            raise BuildError("there is no such patch", where=str(patch), hint="see [packages.NAME] patches")
        command = ["patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch", "--reject-file=-", "-i"]
        done = door.run([*command, patch.resolve()], cwd=source, log=log, merge=True, timeout=60)
        if done.returncode != 0:
            lines = [line for line in done.output.splitlines() if not line.startswith("$ ")]
            said = [line for line in lines if _PATCH_SAYS.match(line)]
            raise BuildError(
                "the patch does not apply: " + ("; ".join(said) or "; ".join(lines[-3:])),
                where=patch.name,
                hint="make the patch again for this version",
                log=log,
            )


def pyproject(source: Path) -> Mapping[str, Any]:
    """Return the content of ``pyproject.toml``, empty where there is none.

    :raises BuildError: if it is not TOML.
    """
    try:
        return tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=source.name) from error


def build_backend(sdist: Path, *, filename: str | None = None) -> str | None:
    """Return the build backend (PEP 517) that an sdist names, or None if it names none, without unpacking it.

    :raises WheelError: if the archive is damaged or hostile.
    :raises BuildError: if pyproject.toml is not TOML.
    """
    where = filename or sdist.name
    try:
        content = tomllib.loads(_top_files(sdist, ("pyproject.toml",), where).get("pyproject.toml", b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=where) from error
    table = content.get("build-system")
    backend = table.get("build-backend") if isinstance(table, dict) else None
    return backend if isinstance(backend, str) else None


def declared_requirements(source: Path) -> tuple[str, ...]:
    """Return ``[build-system] requires`` (PEP 518), or setuptools for a source that does not say (PEP 517).

    :raises BuildError: if this is no Python source tree, or the table is wrong.
    """
    table = pyproject(source).get("build-system")
    if table is None:
        if not any((source / name).is_file() for name in ("setup.py", "setup.cfg", "pyproject.toml")):
            raise BuildError("neither pyproject.toml nor setup.py is there: this is no Python sdist", where=source.name)
        return _LEGACY_REQUIRES
    requires = table.get("requires") if isinstance(table, dict) else None
    if not isinstance(requires, list) or not all(isinstance(line, str) for line in requires):
        raise BuildError("pyproject.toml: [build-system] requires must be a list of strings", where=source.name)
    for line in requires:
        try:
            Requirement(line)
        except InvalidRequirement as error:
            raise BuildError(f"pyproject.toml: [build-system] requires: {error}", where=source.name) from error
    return tuple(requires)


def static_metadata(sdist: Path, *, filename: str | None = None) -> bytes | None:
    """Return the core metadata of an sdist that is known without running it, or None.

    That is PKG-INFO where it promises (Metadata-Version 2.2 or newer, PEP 643) that no wheel built from it will
    differ in dependencies; else ``[project]`` of pyproject.toml (PEP 621) where its dependencies are not dynamic.

    :raises WheelError: if the archive is damaged or hostile.
    """
    wanted = _top_files(sdist, ("PKG-INFO", "pyproject.toml"), filename or sdist.name)
    info = wanted.get("PKG-INFO")
    if info is None:
        return None
    headers = BytesHeaderParser().parsebytes(info)
    version = str(headers.get("Metadata-Version", "1.0")).strip()
    dynamic = {str(value).strip().lower() for value in headers.get_all("Dynamic", [])}
    promises = re.fullmatch(r"\d+\.\d+", version) and tuple(map(int, version.split("."))) >= (2, 2)
    if promises and not dynamic & _DEPENDENCY_FIELDS:
        return info
    with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidRequirement, TypeError, ValueError):
        project = tomllib.loads(wanted.get("pyproject.toml", b"").decode()).get("project")
        if isinstance(project, dict):
            return _from_project(project, str(headers["Name"]).strip(), str(headers["Version"]).strip())
    return None


def _from_project(project: Mapping[str, Any], name: str, version: str) -> bytes | None:
    """Return METADATA made from a ``[project]`` table, or None where its dependencies are not all said there."""
    dynamic = set(project.get("dynamic", ()))
    # An absent list could still come from setup.py: old setuptools only warned about that.
    if "dependencies" not in project or dynamic & {"dependencies", "optional-dependencies", "requires-python"}:
        return None
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if "requires-python" in project:
        lines.append(f"Requires-Python: {project['requires-python']}")
    lines += [f"Requires-Dist: {Requirement(text)}" for text in project["dependencies"]]
    for extra, texts in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for text in texts:
            requirement = Requirement(text)
            marker = f'extra == "{extra}"'
            if requirement.marker:
                marker = f"({requirement.marker}) and {marker}"
                requirement.marker = None
            lines.append(
                f"Requires-Dist: {requirement} ; {marker}"
                if requirement.url
                else f"Requires-Dist: {requirement}; {marker}"
            )
    if any("\n" in line for line in lines):
        return None
    return ("\n".join(lines) + "\n").encode()


def _top_files(sdist: Path, names: Sequence[str], where: str) -> dict[str, bytes]:
    """Return the content of files right below the top folder, as many as are there."""
    found: dict[str, bytes] = {}

    def want(parts: tuple[str, ...], size: int, read: Callable[[], bytes]) -> None:
        if len(parts) == 2 and parts[1] in names and size <= _MAX_METADATA:
            found[parts[1]] = read()

    try:
        with sdist.open("rb") as stream:
            if _is_zip(stream):
                with zipfile.ZipFile(stream) as archive:
                    for entry in archive.infolist():
                        want(PurePosixPath(entry.filename).parts, entry.file_size, lambda: archive.read(entry))  # noqa: B023
                return found
            with _tar(stream) as tar:
                for member, parts in _members(tar, where):
                    if member.isfile():
                        want(parts, member.size, lambda: _content(tar, member))  # noqa: B023
                    if len(found) == len(names):
                        break
    except _DAMAGED as error:
        raise WheelError(f"is not a whole archive: {error}", where=where) from error
    except OSError as error:
        raise WheelError(f"cannot be read: {error}", where=where) from error
    return found


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None  # noqa: S101  (a plain file, by the caller's word)
    with stream:
        return stream.read()
