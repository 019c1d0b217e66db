"""Requirements that are one file, by URL or path: brought into the store, and known by name and version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import ConfigError, HashMismatchError
from wheelyard.domain.lock import LockedFile
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.repository import from_direct
from wheelyard.domain.requirement import Requirement
from wheelyard.lock.inputs import has_one_of, name_of
from wheelyard.lock.ports import Upstream
from wheelyard.store.blobs import Store

if TYPE_CHECKING:
    from wheelyard.lock.source_trees import SourceTrees


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectFile:
    """A file that is required directly; its bytes are in the store."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    file: LockedFile

    def page(self, store: Store) -> ProjectPage:
        """Return the page of a project that has this file alone."""
        blob = store.path(self.file.sha256).absolute().as_uri()
        remote = RemoteFile(filename=self.file.filename, url=blob, sha256=self.file.sha256, size=self.file.size)
        return ProjectPage(name=self.name, files=(remote,))


def bring(wanted: Requirement, *, root: Path, upstream: Upstream, store: Store, trees: SourceTrees) -> DirectFile:
    """Put the file of a direct requirement into the store and return what it is.

    :param root: folder that a path is relative to.
    :param trees: makes the sdist of a folder or repository.
    :raises ConfigError: if it is neither wheel nor sdist, is not there, or is of another project than required.
    :raises HashMismatchError: if it has none of the hashes that are required.
    :raises UpstreamError: if the URL does not answer.
    :raises BuildError: if the own backend of a folder or repository makes no sdist of it.
    """
    assert wanted.direct is not None  # noqa: S101  (the caller's choice)
    where = f"{wanted.origin}:{wanted.line}"
    required = name_of(wanted)
    file = _file(wanted, wanted.direct, root / wanted.direct, upstream, store, trees)
    name, version = _named(file.filename, wanted.direct, where)
    if wanted.hashes and not has_one_of(store.path(file.sha256), wanted.hashes):
        raise HashMismatchError(f"has sha256 {file.sha256}, which is not among the required", where=file.filename)
    if required is not None and required != name:
        raise ConfigError(f"{file.filename} is a file of {name}, not of {required}", where=where)
    return DirectFile(name=name, version=version, file=file)


def _file(
    wanted: Requirement, direct: str, path: Path, upstream: Upstream, store: Store, trees: SourceTrees
) -> LockedFile:
    where = f"{wanted.origin}:{wanted.line}"
    if (repository := from_direct(direct)) is not None:
        return trees.of_repository(repository, name=name_of(wanted), where=where)
    if "://" in direct:
        filename = unquote(urlsplit(direct).path).rpartition("/")[2]
        _named(filename, direct, where)  # before it is fetched
        sha256, size = upstream.fetch_unknown(direct)
        return LockedFile(filename=filename, sha256=sha256, url=direct.partition("#")[0], size=size)
    if path.is_dir():
        return trees.sdist(path, name=name_of(wanted), where=f"{where}: {direct}")
    if not path.exists():
        raise ConfigError("there is no such file", where=f"{where}: {direct}", hint="check the path")
    filename = direct.rpartition("/")[2]
    _named(filename, direct, where)
    return LockedFile(filename=filename, sha256=store.add_file(path), path=direct, size=path.stat().st_size)


def _named(filename: str, direct: str, where: str) -> tuple[str, str]:
    try:
        if filename.endswith(".whl"):
            wheel = wheel_name.parse(filename)
            return wheel.project, str(wheel.parsed_version)
        name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ConfigError(
            "neither a wheel nor an sdist, by its name",
            where=f"{where}: {direct}",
            hint="it should end in NAME-VERSION.tar.gz or in -TAGS.whl",
        ) from error
    return name, str(version)
