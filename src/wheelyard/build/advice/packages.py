"""Which package of a distribution has a header, library, pkg-config file, CMake package or program."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal, TypeAlias

from wheelyard.build.advice.read_log import Missing

Manager: TypeAlias = Literal["apt-get", "dnf", "apk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Words of a build that mean one thing."""

    pattern: str
    requires: str = ""
    """The build requirement that mends it; empty: none does."""
    why: str = ""
    """What it means and what to do, where no build requirement mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What ``debian.txt`` and ``names.toml`` say."""

    owners: Mapping[str, tuple[str, ...]]
    """Packages of Debian by ``kind:name``; of the newest release first."""
    releases: Mapping[str, frozenset[str]]
    """Of which releases of Debian a package is, where not of all."""
    contents: Mapping[str, tuple[str, ...]]
    """What a package of Debian has."""
    others: Mapping[str, Mapping[str, str]]
    """The same package elsewhere: by Debian's name, by package manager."""
    modules: Mapping[str, str]
    """Requirements by the module that they bring."""
    gone: frozenset[str] = frozenset()
    """Modules that a newer Python has no longer."""
    said: tuple[Saying, ...] = ()
    """What builds say that means one thing."""


@functools.cache
def names() -> Names:
    """Return the tables; read once, when a build has failed."""
    folder = resources.files("wheelyard.build.advice")
    own = tomllib.loads(folder.joinpath("names.toml").read_text("utf-8"))
    owners: dict[str, list[str]] = {}
    releases: dict[str, frozenset[str]] = {}
    contents: dict[str, tuple[str, ...]] = {}
    for line in folder.joinpath("debian.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            package, where, has = line.split("\t")
            contents[package] = tuple(has.split(" "))
            if where != "*":
                releases[package] = frozenset(where.split(","))
            for name in contents[package]:
                owners.setdefault(name, []).append(package)
    for entry in own["name"]:
        for name in entry["has"]:
            owners[name] = [entry["apt"]]
    return Names(
        owners={
            name: tuple(sorted(found, key=lambda each: _age(releases.get(each)))) for name, found in owners.items()
        },
        releases=releases,
        contents=contents,
        others={entry["apt"]: {"dnf": entry["dnf"], "apk": entry["apk"]} for entry in own["package"]},
        modules={entry["name"]: entry["requires"] for entry in own["module"]},
        gone=frozenset(own["gone"]),
        said=tuple(Saying(**entry) for entry in own["said"]),
    )


def _age(releases: frozenset[str] | None) -> int:
    """Return how old a package is: those of the newest release come first."""
    newest = ("bullseye", "bookworm", "trixie")
    return 0 if releases is None else -max(newest.index(release) for release in releases) - 1


def debian(thing: Missing, release: str = "") -> str | None:
    """Return Debian's package of what is missing; None where none is known.

    :param release: its code name, where it is known; else the newest that has it.
    """
    found = [package for key in _keys(thing) for package in names().owners.get(key, ())]
    fitting = [package for package in found if release in names().releases.get(package, frozenset({release}))]
    return next(iter(fitting or found), None)


def package_for(thing: Missing, manager: Manager, release: str = "") -> str | None:
    """Return what to ask a package manager for; None where no package is known, and none can be asked for by a file."""
    apt = debian(thing, release)
    if manager == "apt-get":
        return apt
    if apt is not None and (known := names().others.get(apt, {}).get(manager)):
        return known
    return next(_provides(thing, apt, manager), None)


def _provides(thing: Missing, apt: str | None, manager: Manager) -> Iterator[str]:
    """Yield what dnf and apk find a package by that has it, whatever its name: RPM's and apk's own words."""
    if manager == "dnf":
        files = {"h": "/usr/include/{}", "x": "/usr/bin/{}", "p": "pkgconfig({})", "l": "/usr/lib64/lib{}.so"}
        if thing.kind in files:
            yield files[thing.kind].format(thing.name)
    elif thing.kind in ("p", "x"):
        yield f"{'pc' if thing.kind == 'p' else 'cmd'}:{thing.name}"
    for name in names().contents.get(apt or "", ()):
        if name.startswith("p:"):
            yield f"pkgconfig({name[2:]})" if manager == "dnf" else f"pc:{name[2:]}"


def _keys(thing: Missing) -> Iterator[str]:
    """Yield how the tables may have it: a header by its folder too, a CMake or Meson name in other letters."""
    yield f"{thing.kind}:{thing.name}"
    if thing.kind == "h" and "/" in thing.name:
        yield f"h:{thing.name.partition('/')[0]}/"
    if thing.kind in ("c", "p"):
        low = thing.name.lower()
        for kind in ("p", "c", "l", "x"):
            for name in (thing.name, low, f"lib{low}", low.removeprefix("lib")):
                yield f"{kind}:{name}"
