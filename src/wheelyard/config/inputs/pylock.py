"""``pylock.toml``: the pins of a lock, with the hashes of its files (PEP 751)."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.pylock import Package, Pylock, PylockValidationError

from wheelyard.config.inputs.gathered import Gathered, gathered
from wheelyard.config.inputs.toml_files import read_requirement, read_toml
from wheelyard.config.urls import without_credentials
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems, shown

_NAME = re.compile(r"pylock(\.[^.]+)?\.toml")


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return _NAME.fullmatch(path.name) is not None


def read(path: Path, root: Path, problems: Problems) -> Gathered:
    """Return the pins of a lock; mistakes go to ``problems``."""
    return gathered(lambda: from_pylock(path, root), problems)


def written(name: str) -> str:
    """Return the line of ``wheelyard.toml`` that takes a file in this format; ``name`` is a TOML string."""
    return f"pylock = {name}\n"


def from_pylock(path: Path, root: Path) -> tuple[Requirement, ...]:
    """Return the pins of a lock file, with the hashes of its files.

    :raises ConfigError: if the file is wrong or has what cannot be carried (version control, editable folders).
    """
    name = shown(path, root)
    try:
        lock = Pylock.from_dict(read_toml(path, name))
        lock.validate()
    except (PylockValidationError, ValueError, TypeError) as error:
        raise ConfigError(
            str(error), where=name, hint="see PEP 751, or lock again with the tool that made it"
        ) from error
    return tuple(_pin(package, number, path, root, name) for number, package in enumerate(lock.packages))


def _pin(package: Package, number: int, path: Path, root: Path, name: str) -> Requirement:
    where = f"{name}: packages[{number}] {package.name}"
    marker = str(package.marker) if package.marker else ""
    if package.vcs is not None:
        raise ConfigError("from version control", where=where, hint="name a release, or an sdist built from it")
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    hashes = [file.hashes["sha256"] for file in files if "sha256" in file.hashes]
    if package.archive is not None or package.directory is not None:
        text, hashes = _place(package, hashes, where)
        text = f"{package.name} @ {text}"
    elif package.version is not None:
        text = f"{package.name}=={package.version}"
    else:
        raise ConfigError("no version", where=where, hint="lock again with a version for every package")
    line = read_requirement(f"{text} ; {marker}" if marker else text, path, root, where)
    return Requirement(
        text=line.text,
        origin=line.origin,
        line=0,
        direct=line.direct,
        hashes=tuple(sorted(f"sha256:{digest.lower()}" for digest in set(hashes))),
    )


def _place(package: Package, hashes: list[str], where: str) -> tuple[str, list[str]]:
    """Return path or URL of a package that is one archive or folder, and the archive's hash."""
    if package.directory is not None:
        if package.directory.editable:
            raise ConfigError("editable", where=where, hint="an editable folder cannot be carried to another host")
        return f"./{package.directory.path}", []
    archive = package.archive
    assert archive is not None  # noqa: S101  (the caller looked)
    own = [archive.hashes["sha256"]] if "sha256" in archive.hashes else hashes
    if archive.url:
        try:
            return without_credentials(archive.url)[0], own
        except ValueError as error:
            raise ConfigError(str(error), where=where, hint="lock again") from error
    return f"./{archive.path}", own
