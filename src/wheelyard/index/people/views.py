"""The site seen by people: projects with their files, uses and neighbours, as values that templates show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from wheelyard.domain.site import Entry, Folder, Site, Wheel
from wheelyard.index import layout, pages
from wheelyard.index.people import licences, words
from wheelyard.index.people.facts import Need, PageFacts


class Use(NamedTuple):
    """A project in a target's folder."""

    folder: Folder
    entry: Entry


class Row(NamedTuple):
    """A project in a list of projects."""

    name: str
    shown: str
    version: str
    summary: str
    licence: str
    group: str
    """Of licences: one of ``licences.GROUPS``."""
    imports: tuple[str, ...]
    """Modules of the newest wheel."""
    folders: tuple[str, ...]
    pythons: tuple[str, ...]
    variants: tuple[str, ...]
    origins: tuple[str, ...]
    """Of ``upstream``, ``built`` and ``local``, those that apply."""
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the pages show, by normalised project name."""

    site: Site
    projects: Mapping[str, list[Wheel]]
    newest: Mapping[str, Wheel]
    uses: Mapping[str, list[Use]]
    origins: Mapping[str, Entry]
    """By file name: one entry of it, which tells where it came from."""
    facts: Mapping[str, PageFacts]
    required_by: Mapping[str, list[Need]]
    """Who requires a project, by what name, and with which of its own extras."""

    def facts_of(self, name: str) -> PageFacts:
        """Return what the newest version of a project says of itself."""
        return self.facts.get(name, _NOTHING)


_NOTHING = PageFacts()


def newest_of(projects: Mapping[str, list[Wheel]]) -> dict[str, Wheel]:
    """Return the newest file of each project that was not taken back, a wheel before an sdist."""
    return {
        name: max(wheels, key=lambda wheel: (wheel.yanked is None, pages.version_key(wheel.version), wheel.filename))
        if len(wheels) > 1
        else wheels[0]
        for name, wheels in projects.items()
    }


def overview(
    site: Site, projects: Mapping[str, list[Wheel]], newest: Mapping[str, Wheel], facts: Mapping[str, PageFacts]
) -> Overview:
    """Join folders, files and facts."""
    uses: dict[str, list[Use]] = {}
    origins: dict[str, Entry] = {}
    for folder in site.folders:
        for entry in folder.entries:
            uses.setdefault(layout.canonical(entry.wheel.name), []).append(Use(folder, entry))
            origins.setdefault(entry.wheel.filename, entry)
    for entry in (*site.extra, *(entry for folder in site.labelled for entry in folder.entries)):
        origins.setdefault(entry.wheel.filename, entry)
    required_by: dict[str, list[Need]] = {}
    for name, found in facts.items():
        for needed in found.requires:
            if needed.name in projects and needed.name != name:
                required_by.setdefault(needed.name, []).append(Need(name, needed.extras))
    return Overview(site, projects, newest, uses, origins, facts, required_by)


def rows(seen: Overview) -> list[Row]:
    """Return a row for each project, ordered by name."""
    return [_row(seen, name, wheels) for name, wheels in seen.projects.items()]


def _row(seen: Overview, name: str, wheels: list[Wheel]) -> Row:
    uses = seen.uses.get(name, ())
    facts = seen.facts_of(name)
    return Row(
        name=name,
        shown=facts.name if facts.name and layout.canonical(facts.name) == name else name,
        version=seen.newest[name].version,
        summary=facts.summary,
        licence=facts.licence or "not stated",
        group=licences.group(facts.licence),
        imports=seen.newest[name].imports,
        folders=_unique(use.folder.name for use in uses),
        pythons=_unique(use.folder.target.python for use in uses),
        variants=_unique(use.folder.variant or "baseline" for use in uses),
        origins=_unique(seen.origins[wheel.filename].origin for wheel in wheels if wheel.filename in seen.origins),
        files=len(wheels),
        bytes=sum(wheel.size for wheel in wheels),
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def target_title(folder: Folder) -> str:
    """Return a target in words: ``RHEL 9 and its rebuilds: Python 3.9 on Linux on x86-64 with glibc 2.34 or newer``."""
    target = folder.target
    known = _system(target.preset or target.name)
    implementation = "" if target.implementation == "cpython" else f" ({target.implementation})"
    where = f"Python {target.python}{implementation} on {words.platform(target.platform)}"
    return f"{known}: {where}" if known else where


def _system(name: str) -> str:
    if match := re.match(r"(?:el|rhel)-?(\d+)", name):
        return f"RHEL {match[1]} and its rebuilds"
    if match := re.match(r"(fedora|debian|ubuntu|amazonlinux|macos)-?([\d.]*)", name):
        number = match[2][:2] + "." + match[2][2:] if re.fullmatch(r"\d{4}", match[2]) else match[2]
        return f"{match[1].capitalize()} {number}".strip()
    return ""


def colour(row: Row) -> str:
    """Return what a project's colour in a picture stands for: where most care is called for."""
    return next((origin for origin in ("built", "local") if origin in row.origins), "upstream")
