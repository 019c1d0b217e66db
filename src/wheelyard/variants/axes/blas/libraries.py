"""The BLAS libraries that are known: ``libraries.toml`` as values."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import read
from wheelyard.schema.tables import texts
from wheelyard.variants.axes.blas.schema import LibrariesFile, LibraryTable, SourceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One way to have a BLAS: as build requirements, or from the image."""

    package: str
    """The name that pkg-config knows it by."""
    threads: str
    requires: tuple[str, ...] = ()
    """Names of build requirements, to be locked."""
    probe: tuple[str, ...] = ()
    """Files that an image has which has the library."""
    image_packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What brings it into an image: names of the distribution's packages, by its package manager."""
    licences: tuple[str, ...] = ()
    """Where its licence texts are: names of build requirements, or absolute paths in the image."""
    pc: str = ""
    """The pkg-config file."""
    shared: tuple[str, ...] = ()
    """Names (``fnmatch`` patterns) of its libraries that others can load from the first requirement's wheel; none: they
    cannot."""
    shared_in: str = ""
    """Where that wheel puts them, relative to site-packages."""
    host: tuple[str, ...] = ()
    """Names (patterns) of its libraries that a host has of its own, and that are grafted for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A BLAS."""

    name: str
    title: str
    licence: str
    """SPDX expression."""
    sources: tuple[Source, ...]
    family: str
    """The name of the library that it is a kind of: two of one family have other names for everything, and get on."""
    restricted: str = ""
    """Why redistribution deserves a second look; empty where it does not."""
    threads_variable: str = ""
    marks: tuple[str, ...] = ()
    """Texts that are all in its binary; none for netlib's, which is known by having no other's."""
    not_marks: tuple[str, ...] = ()
    """Texts that are not."""
    static: re.Pattern[str] | None = None
    """Its global functions, where it is linked statically."""
    chooses: bool = False
    """It has no code of its own, and loads the BLAS that the host's admin chose."""
    machines: tuple[str, ...] = ()
    """Empty: any."""
    platforms: tuple[str, ...] = ()
    """Beginnings of platform tags; empty: Linux's."""

    def packages(self, threads: str | None) -> Mapping[str, tuple[str, ...]]:
        """Return what brings it into an image, by package manager.

        :param threads: None: the library's default.
        """
        known: dict[str, tuple[str, ...]] = {}
        for source in self.sources:
            if threads in (None, source.threads):
                for name, found in source.image_packages.items():
                    known.setdefault(name, found)
        return known


@functools.cache
def libraries() -> Mapping[str, Library]:
    """Return the libraries that are known, by name."""
    file = resources.files("wheelyard.variants.axes.blas").joinpath("libraries.toml")
    problems = Problems()
    found = read(
        LibrariesFile, tomllib.loads(file.read_text("utf-8")), Location(file=Path(file.name), problems=problems)
    )
    problems.check()
    assert found is not None  # noqa: S101  (there were no problems)
    return {name: _library(name, table) for name, table in found.blas.items()}


def _library(name: str, table: LibraryTable) -> Library:
    return Library(
        name=name,
        title=table.title,
        licence=table.licence,
        family=table.family or name,
        restricted=table.restricted or "",
        threads_variable=table.threads_variable or "",
        marks=texts(table.marks),
        not_marks=texts(table.not_marks),
        static=re.compile(table.static) if table.static else None,
        chooses=table.chooses,
        machines=texts(table.machines),
        platforms=texts(table.platforms),
        sources=tuple(_source(source) for source in table.source),
    )


def _source(table: SourceTable) -> Source:
    return Source(
        package=table.package,
        threads=table.threads,
        requires=texts(table.requires),
        probe=texts(table.probe),
        image_packages=table.image_packages,
        licences=texts(table.licences),
        pc=table.pc or "",
        shared=texts(table.shared),
        shared_in=table.shared_in or "",
        host=texts(table.host),
    )
