"""A file name that was published keeps its bytes: hosts have locks with their hashes, and caches that know the name.

A wheel that was compiled here may come out otherwise when its build requirements or compilers are newer. The one that
was published is then still what its sdist and recipe give, and stays. Where sdist or recipe are others, it is not:
such a wheel needs a name of its own, which a build number gives it (PEP 427).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from wheelyard.domain import wheel_name
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import Failures, HashMismatchError, WheelyardError
from wheelyard.domain.site import Entry, Site
from wheelyard.index.layout import FILES
from wheelyard.store.blobs import Store
from wheelyard.wheels import core_metadata
from wheelyard.wheels.metadata import read_metadata


class Named(NamedTuple):
    """What a file name stands for."""

    sha256: str
    built: BuiltWheel | None
    """How it was compiled, if it was and lies in a folder still."""
    ours: bool
    """Whether it was compiled here."""


Names = Mapping[str, Named]
"""By file name."""


def published(site: Site) -> Names:
    """Return what the names of a site stand for, those too that lay in it before."""
    found = {name: Named(sha256, None, ours=True) for name, sha256 in site.retired.items()}
    for entry in (*site.extra, *(entry for folder in site.folders for entry in folder.entries)):
        found[entry.wheel.filename] = Named(entry.wheel.sha256, entry.built, entry.origin == "built")
    return found


def retire(site: Site, before: Names) -> Site:
    """Return a site that remembers the names of compiled wheels that lay in it before and do no more."""
    now = published(replace(site, retired={}))
    gone = {name: named.sha256 for name, named in before.items() if named.ours and name not in now}
    return replace(site, retired=gone)


def keep(made: Mapping[str, BuiltWheel], names: Names, *, store: Store, into: Path) -> dict[str, BuiltWheel]:
    """Return the wheels with those that were published in place of what was compiled again from the same.

    :param made: by normalised name.
    :param into: the wheelhouse, which has the bytes if the store has lost them.
    """
    return {name: _kept(wheel, names.get(wheel.filename), store, into) or wheel for name, wheel in made.items()}


def _kept(wheel: BuiltWheel, named: Named | None, store: Store, into: Path) -> BuiltWheel | None:
    if named is None or named.built is None or named.sha256 == wheel.sha256 or named.built.recipe != wheel.recipe:
        return None
    if not store.has(named.sha256):
        with contextlib.suppress(WheelyardError, OSError):
            store.add_file(into / FILES / wheel.filename, sha256=named.sha256)
    if not store.has(named.sha256) or _asks(store, named.sha256) != _asks(store, wheel.sha256):
        return None
    return named.built


def _asks(store: Store, sha256: str) -> tuple[tuple[str, ...], ...]:
    return core_metadata.asked_of(core_metadata.parse(read_metadata(store.path(sha256))))


def refuse_others(entries: Iterable[Entry], names: Names) -> None:
    """Refuse a file whose name was published with other bytes.

    :raises HashMismatchError: saying what to do; with several, Failures.
    """
    errors = tuple(_error(entry, named) for entry in entries if (named := _other(entry, names)) is not None)
    if errors:
        raise errors[0] if len(errors) == 1 else Failures(errors)


def _other(entry: Entry, names: Names) -> Named | None:
    named = names.get(entry.wheel.filename)
    return named if named is not None and named.sha256 != entry.wheel.sha256 else None


def _error(entry: Entry, named: Named) -> HashMismatchError:
    if entry.built is not None:
        number = max(wheel_name.parse(entry.wheel.filename).build_number[0], 0) + 1
        line = f"build-number = {number}"
    elif named.ours:
        line = 'build = "always"'
    else:
        line = ""
    hint = "find out why before you trust either; ours stays"
    if line:
        hint = f"write in wheelyard.toml, below [packages.{entry.wheel.name}]: {line}"
    return HashMismatchError(
        f"was published with other bytes: sha256 {named.sha256[:16]}…, now it would be {entry.wheel.sha256[:16]}…",
        where=entry.wheel.filename,
        hint=hint,
    )
