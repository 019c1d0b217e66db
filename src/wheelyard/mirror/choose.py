"""From a project's page to the files that are wanted: a pure function."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from wheelyard.domain import wheel_name
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.target import Target
from wheelyard.mirror.model import Wish
from wheelyard.targets.environment import environment
from wheelyard.targets.tags import tags
from wheelyard.wheels import core_metadata


def choose(files: Iterable[RemoteFile], specifier: SpecifierSet, wish: Wish) -> tuple[RemoteFile, ...]:
    """Return the files of one project that a wish means.

    The newest versions are counted for each target by itself: what is newest for Python 3.12 may have nothing for 3.9.
    A yanked file is taken only where the specifier names its very version (PEP 592).
    """
    allowed: list[tuple[Version, RemoteFile]] = []
    for file in files:
        version = version_of(file.filename)
        if version is not None and _allowed(version, file, specifier, wish):
            allowed.append((version, file))
    chosen: dict[str, RemoteFile] = {}
    for target in wish.targets or (None,):
        fitting = [(version, file) for version, file in allowed if target is None or _runs(file, target)]
        chosen.update({file.filename: file for file in _newest(fitting, wish)})
    return tuple(chosen.values())


def _newest(files: Iterable[tuple[Version, RemoteFile]], wish: Wish) -> list[RemoteFile]:
    versions: dict[Version, list[RemoteFile]] = {}
    for version, file in files:
        versions.setdefault(version, []).append(file)
    chosen: list[RemoteFile] = []
    taken = 0
    for version in sorted(versions, reverse=True):
        fitting = _of_version(versions[version], wish)
        chosen += fitting
        taken += bool(fitting)
        if fitting and taken == wish.newest:
            break
    return chosen


def version_of(filename: str) -> Version | None:
    """Return the version that a file name says; None for what is neither a wheel nor an sdist."""
    try:
        if filename.endswith(".whl"):
            return wheel_name.parse(filename).parsed_version
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _allowed(version: Version, file: RemoteFile, specifier: SpecifierSet, wish: Wish) -> bool:
    if version.is_prerelease and not (wish.prereleases or specifier.prereleases):
        return False
    if file.yanked is not None and not any(part.operator in ("==", "===") for part in specifier):
        return False
    return specifier.contains(version, prereleases=True)


def _runs(file: RemoteFile, target: Target) -> bool:
    """Whether a target's Python takes the file, and for a wheel one of its tags."""
    if not _python_fits(file.requires_python, target):
        return False
    return not file.is_wheel or not wheel_name.parse(file.filename).tag_set.isdisjoint(_accepted(target))


@functools.cache
def _accepted(target: Target) -> frozenset[Tag]:
    return frozenset(tags(target))


@functools.lru_cache(maxsize=4096)
def _python_fits(requires_python: str | None, target: Target) -> bool:
    if not requires_python:
        return True
    try:
        return SpecifierSet(requires_python).contains(target.python_full, prereleases=True)
    except InvalidSpecifier:
        return True  # as pip does


def _of_version(files: list[RemoteFile], wish: Wish) -> list[RemoteFile]:
    wheels = [file for file in files if file.is_wheel]
    sdists = [file for file in files if not file.is_wheel]
    if wish.sdists == "all":
        return [*wheels, *sdists]
    if wish.sdists == "missing":
        return wheels or sdists
    return wheels


def requirements_of(metadata: bytes, wish: Wish, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield what a wheel requires on at least one of the wished targets (without targets: on whatever machine)."""
    for requirement in core_metadata.parse(metadata).requirements():
        if requirement.url is None and _applies(requirement, wish, extras):
            yield requirement


def _applies(requirement: Requirement, wish: Wish, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    if not wish.targets:
        # On an unknown machine every marker may hold, but not one that asks for an extra that nobody asked for.
        return "extra" not in str(requirement.marker) or any(
            f'"{extra}"' in str(requirement.marker) for extra in extras
        )
    for target in wish.targets:
        for extra in ("", *extras):
            try:
                if requirement.marker.evaluate({**environment(target), "extra": extra}):
                    return True
            except (UndefinedEnvironmentName, InvalidVersion):
                continue
    return False
