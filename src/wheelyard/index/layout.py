"""What a site holds, decided before anything is written: the pool, and what lies where."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import WheelError
from wheelyard.domain.site import Entry, Folder, LabelledFolder, Site, Wheel

FILES = "files"
SIMPLE = "simple"
TARGETS = "targets"
OURS = frozenset({SIMPLE, TARGETS, "projects", "graphs", "assets", "letters"})
"""Folders in which everything is Wheelyard's; in ``files/`` it is what is named like a distribution."""
PAGES = frozenset(f"{name}.html{end}" for name in ("index", "matrix", "size", "builds", "404") for end in ("", ".gz"))

TABLE = "-variants.json"
"""Ends the name of what says what the labels of a release's wheels mean (PEP 825)."""

_DISTRIBUTION = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+!-]*(?:\.(?:whl|tar\.gz|zip|tar\.bz2|tgz)|{re.escape(TABLE)})\Z")
_FOLDER = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)?\Z")
_PATH = re.compile(r"(?:[A-Za-z0-9_+-][A-Za-z0-9._+-]*/)*[A-Za-z0-9_+-][A-Za-z0-9._+-]*\Z")

canonical = functools.lru_cache(maxsize=1 << 16)(canonicalize_name)


def is_distribution(filename: str) -> bool:
    """Whether this is a plain name of a wheel, sdist or table, without what a path, page or shell could trip over."""
    return _DISTRIBUTION.match(filename) is not None


def wheels_of(folder: Folder) -> tuple[Wheel, ...]:
    """Return what lies in a target's folder: its lock, and the carried pip."""
    wheels = tuple(entry.wheel for entry in folder.entries)
    if folder.pip is not None and folder.pip.filename not in {wheel.filename for wheel in wheels}:
        return (*wheels, folder.pip)
    return wheels


def baseline(site: Site) -> dict[str, Wheel]:
    """Return the files of the one index over everything that no variant asked for, by file name."""
    found = {wheel.filename: wheel for folder in site.folders if folder.variant is None for wheel in wheels_of(folder)}
    for entry in site.extra:
        found.setdefault(entry.wheel.filename, entry.wheel)
    return found


def without_tables(pool: Mapping[str, Wheel]) -> Iterator[Wheel]:
    """Yield the wheels and sdists of a pool, and not what says what labels mean."""
    return (wheel for name, wheel in pool.items() if not name.endswith(TABLE))


def by_project(wheels: Iterable[Wheel]) -> dict[str, list[Wheel]]:
    """Return files by normalised project name, ordered by name: spellings of one name are one project."""
    found: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        found.setdefault(canonical(wheel.name), []).append(wheel)
    return dict(sorted(found.items()))


def _placed(site: Site) -> Iterator[tuple[Wheel, Folder | LabelledFolder | None, Entry | None]]:
    for folder in site.folders:
        for entry in folder.entries:
            yield entry.wheel, folder, entry
        if folder.pip is not None:
            yield folder.pip, folder, None
    for labelled in site.labelled:
        for entry in labelled.entries:
            yield entry.wheel, labelled, entry
        for table in labelled.tables:
            yield table, labelled, None
    for entry in site.extra:
        yield entry.wheel, None, entry


def _origin(folder: Folder | LabelledFolder | None, entry: Entry | None) -> str:
    place = f"{TARGETS}/{folder.name}" if folder is not None else FILES
    if entry is None:
        return f"{place} (added here)"
    return f"{place} ({'built from' if entry.origin == 'built' else 'from'} {entry.source})"


def pool(site: Site) -> dict[str, Wheel]:
    """Return every distribution file of a site once, by name.

    :raises WheelError: if a name is not one of a wheel or sdist of its project, has two contents, or differs from
        another only by case.
    """
    found: dict[str, tuple[Wheel, Folder | LabelledFolder | None, Entry | None]] = {}
    folded: dict[str, str] = {}
    for placed in _placed(site):
        wheel = placed[0]
        before = found.get(wheel.filename)
        if before is None:
            _check_name(wheel)
            twin = folded.setdefault(wheel.filename.casefold(), wheel.filename)
            if twin != wheel.filename:
                raise WheelError(
                    f"in {_origin(*placed[1:])}: differs only by case from {twin} in {_origin(*found[twin][1:])}",
                    where=wheel.filename,
                    hint="not every file system can keep both; leave one out",
                )
            found[wheel.filename] = placed
        elif before[0].sha256 != wheel.sha256:
            raise WheelError(
                f"two contents under one name: sha256 {before[0].sha256[:16]}… in {_origin(*before[1:])}, "
                f"{wheel.sha256[:16]}… in {_origin(*placed[1:])}",
                where=wheel.filename,
                hint="give the one that was built here a local version, or lock the same file for both",
            )
    return {filename: placed[0] for filename, placed in found.items()}


def _check_name(wheel: Wheel) -> None:
    name = wheel.filename
    if not is_distribution(name):
        raise WheelError("not a plain name of a wheel or sdist", where=ascii(name))
    if name.endswith(".whl") and _project(name) != canonical(wheel.name):
        raise WheelError(f"not a name of a wheel of {wheel.name!a}", where=name)


def _project(filename: str) -> str | None:
    try:
        return wheel_name.parse(filename).project
    except ValueError:
        return None


def check_places(folders: Iterable[Folder | LabelledFolder], more: Mapping[str, object]) -> None:
    """Check the names of target folders, and of the files that lie beside the index.

    :raises WheelError: if one could leave the site, or fall on a part of it.
    """
    seen: set[str] = set()
    for folder in folders:
        if not _FOLDER.match(folder.name) or folder.name in seen:
            raise WheelError("not a name for a target's folder, or used twice", where=ascii(folder.name))
        seen.add(folder.name)
    for path in more:
        if not _PATH.match(path) or path.partition("/")[0] in OURS | PAGES | {FILES} or path.startswith("manifest."):
            raise WheelError("not a path that a document of the site can have", where=ascii(path))
