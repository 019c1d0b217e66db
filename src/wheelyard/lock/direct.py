"""Requirements that are one file, by URL or path: brought into the store, and known by name and version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import ConfigError, HashMismatchError
from wheelyard.domain.lock import LockedFile
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.requirement import Requirement
from wheelyard.lock.inputs import name_of
from wheelyard.lock.ports import Upstream
from wheelyard.store.blobs import Store


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


def bring(wanted: Requirement, *, root: Path, upstream: Upstream, store: Store) -> DirectFile:
    """Put the file of a direct requirement into the store and return what it is.

    :param root: folder that a path is relative to.
    :raises ConfigError: if it is neither wheel nor sdist, is not there, or is of another project than required.
    :raises HashMismatchError: if it has none of the hashes that are required.
    :raises UpstreamError: if the URL does not answer.
    """
    assert wanted.direct is not None  # noqa: S101  (the caller's choice)
    where = f"{wanted.origin}:{wanted.line}"
    filename = unquote(urlsplit(wanted.direct).path if "://" in wanted.direct else wanted.direct).rpartition("/")[2]
    if "://" in wanted.direct:
        name, version = _named(filename, wanted.direct, where)
        sha256, size = upstream.fetch_unknown(wanted.direct)
        file = LockedFile(filename=filename, sha256=sha256, url=wanted.direct.partition("#")[0], size=size)
    else:
        path = root / wanted.direct
        if not path.exists():
            raise ConfigError("there is no such file", where=f"{where}: {wanted.direct}", hint="check the path")
        name, version = _named(filename, wanted.direct, where, folder=path.is_dir())
        file = LockedFile(
            filename=filename, sha256=store.add_file(path), path=wanted.direct, size=path.stat().st_size
        )  # fmt: skip
    if wanted.hashes and f"sha256:{file.sha256}" not in wanted.hashes:
        raise HashMismatchError(f"has sha256 {file.sha256}, which is not among the required", where=filename)
    required = name_of(wanted)
    if required is not None and required != name:
        raise ConfigError(f"{filename} is a file of {name}, not of {required}", where=where)
    return DirectFile(name=name, version=version, file=file)


def _named(filename: str, direct: str, where: str, *, folder: bool = False) -> tuple[str, str]:
    try:
        if folder or direct.startswith(("git+", "hg+", "svn+", "bzr+")):
            raise ConfigError(
                "a folder or repository is not one file, and could be another tomorrow",
                where=f"{where}: {direct}",
                hint="make an sdist of it (python -m build --sdist) and require that file",
            )
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
