"""Which pages for people a site has, and how each is made: only where what it shows has changed."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from wheelyard.domain.site import Folder, LabelledFolder, Site, Wheel
from wheelyard.index import build_logs, layout, pages
from wheelyard.index.pages import Page
from wheelyard.index.people import graph, licences, search, treemap, views
from wheelyard.index.people.facts import PageFacts
from wheelyard.index.people.frame import Frame, frame_of
from wheelyard.index.people.views import Overview, Row, Use
from wheelyard.targets import commands
from wheelyard.targets.commands import Access
from wheelyard.variants.model import needs_in_words

DISK, SERVER = Access(root="/WHEELHOUSE"), Access(root="http://SERVER/")
"""What the script of the pages replaces by where they lie; what is printed is the same otherwise."""

PICTURE = (1200.0, 640.0)
"""Width and height of the treemap, in its own units."""
DRAWN = 600
"""A graph of more projects than this is a carpet, and is left out."""


def people_pages(
    site: Site,
    pool: Mapping[str, Wheel],
    metadata: Mapping[str, str],
    facts: Mapping[str, PageFacts],
    readme: Callable[[Wheel], Markup],
) -> Iterator[tuple[str, Page]]:
    """Yield path and page of everything that people read, except the targets' own pages.

    :param metadata: by file name, the SHA-256 of its METADATA.
    :param facts: by that, what the METADATA of the newest file of each project says.
    :param readme: returns the README of a wheel, for a page that has to be written.
    """
    projects = layout.by_project(layout.without_tables(pool))
    newest = views.newest_of(projects)
    digests = {name: metadata[wheel.filename] for name, wheel in newest.items() if wheel.filename in metadata}
    seen = views.overview(site, projects, newest, {name: facts[digest] for name, digest in digests.items()})
    rows = views.rows(seen)
    everything = [*map(repr, rows), *sorted(digests.values()), repr(site.folders), repr(site.labelled)]
    frame = frame_of(site)
    for folder in site.folders:
        yield f"graphs/{folder.name}.html", _graph_page(frame, folder)
    for row in rows:
        about = functools.partial(readme, newest[row.name]) if row.name in digests else Markup
        yield f"projects/{row.name}.html", _project_page(frame, seen, row, digests.get(row.name), metadata, about)
    yield from pages.compressed(assets())
    top = {
        "404.html": frame.page("404", (), dict, up="/"),
        "matrix.html": frame.page("matrix", everything, lambda: _matrix(seen, rows)),
        "size.html": frame.page("size", everything, lambda: _size(rows)),
        "builds.html": frame.page("builds", everything, lambda: _builds(seen)),
        **first_pages(frame, seen, rows),  # last: the first of them leads to all others
    }
    yield from pages.compressed(top.items())


def assets() -> Iterator[tuple[str, Page]]:
    """Yield the style sheet, the script and the icon."""
    folder = importlib.resources.files("wheelyard.index") / "assets"
    for name in ("style.css", "site.js", "favicon.svg"):
        text = (folder / name).read_text(encoding="utf-8")
        yield f"assets/{name}", pages.document(text.encode())


def target_page(site: Site, folder: Folder, wheels: list[Wheel], metadata: Mapping[str, str]) -> Page:
    """Return the page of a target: how to install, and the links that ``-f URL`` reads."""
    shown = tuple(sorted(folder.entries, key=lambda entry: (layout.canonical(entry.wheel.name), entry.wheel.filename)))
    folder = replace(folder, entries=shown)
    installer = "install.py" in site.documents
    parts = [repr(folder), str(installer), *(metadata.get(wheel.filename, "") for wheel in wheels)]
    return frame_of(site).page(
        "target",
        parts,
        lambda: {
            "folder": folder,
            "needs": needs_in_words(folder.needs),
            "title": views.target_title(folder),
            "metadata": metadata,
            "set_up": [
                (access, commands.set_up(commands.route(folder), access, install_py=installer))
                for access in (DISK, SERVER)
            ],
            "with_python": commands.lines(commands.with_python(DISK)) if folder.python_archive and installer else (),
            "total": sum(wheel.size for wheel in wheels),
        },
        up="../../",
    )


def labelled_page(site: Site, folder: LabelledFolder, files: list[Wheel], metadata: Mapping[str, str]) -> Page:
    """Return the page of a folder of labelled wheels: how to install, and the links that ``-f URL`` reads."""
    parts = [repr(folder), *(metadata.get(wheel.filename, "") for wheel in files)]
    shown = [(access, commands.lines(commands.labelled(folder.name, access))) for access in (DISK, SERVER)]
    values = {"folder": folder, "files": files, "metadata": metadata, "shown": shown}
    return frame_of(site).page("labelled", parts, lambda: values, up="../../")


def first_pages(frame: Frame, seen: Overview, rows: list[Row]) -> dict[str, Page]:
    """Return the first page, what it searches, and the lists by letters that it leads to."""
    keys = [*map(repr, rows), repr(seen.site.folders), repr(seen.site.labelled)]
    letters = search.letters(rows)
    return {
        "assets/projects.js": Page(pages.digest(keys), lambda: search.script(rows)),
        **{letter.path: _letter_page(frame, letter, letters) for letter in letters},
        "index.html": frame.page("index", keys, lambda: _first(seen, rows, letters)),
    }


def _first(seen: Overview, rows: list[Row], letters: Sequence[search.Letter]) -> dict[str, object]:
    """Return what the first page shows: targets, and all projects to search and filter."""

    def choices(get: Callable[[Row], tuple[str, ...]]) -> list[str]:
        return sorted({value for row in rows for value in get(row)}, key=_natural)

    groups = {row.group for row in rows}
    return {
        "count": len(rows),
        "rows": rows if not letters else [],
        "letters": letters,
        "titles": [(folder, views.target_title(folder)) for folder in seen.site.folders],
        "labelled": seen.site.labelled,
        "filters": {
            "target": choices(lambda row: row.folders),
            "python": choices(lambda row: row.pythons),
            "variant": choices(lambda row: row.variants),
            "licence": [name for name in licences.GROUPS if name in groups],
            "origin": choices(lambda row: row.origins),
        },
        "set_up": commands.set_up_site(SERVER),
        "files": sum(row.files for row in rows),
        "total": sum(row.bytes for row in rows),
        "newest": max((wheel.upload_time or "" for wheels in seen.projects.values() for wheel in wheels), default=""),
    }


def _letter_page(frame: Frame, letter: search.Letter, letters: Iterable[search.Letter]) -> Page:
    paths = [page.path for page in letters]
    values = {"letter": letter, "letters": letters}
    return frame.page("letter", [repr(letter), *paths], lambda: values, up="../")


def _natural(text: str) -> tuple[object, ...]:
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in text.replace(".", " . ").split())


def _matrix(seen: Overview, rows: list[Row]) -> dict[str, object]:
    folders = seen.site.folders
    cells = {(row.name, use.folder.name): use for row in rows for use in seen.uses.get(row.name, ())}
    used = [row for row in rows if row.folders]

    def said(row: Row, folder: Folder) -> tuple[str, str] | None:
        use = cells.get((row.name, folder.name))
        return (use.entry.wheel.version, use.entry.origin) if use else None

    differing = {row.name for row in used if len({said(row, folder) for folder in folders}) > 1}
    return {"rows": used, "folders": folders, "cells": cells, "others": len(rows) - len(used), "differing": differing}


def _size(rows: list[Row]) -> dict[str, object]:
    biggest = sorted(rows, key=lambda row: -row.bytes)
    drawn, rest = biggest[:300], biggest[300:]
    boxes = treemap.squarify([row.bytes for row in drawn], *PICTURE)
    shown = [(box, drawn[box.item], views.colour(drawn[box.item])) for box in boxes]
    return {
        "boxes": shown,
        "picture": PICTURE,
        "rest": len(rest),
        "rest_bytes": sum(row.bytes for row in rest),
        "table": biggest[:50],
        "total": sum(row.bytes for row in rows),
        "colours": sorted({colour for _, _, colour in shown}),
    }


def _builds(seen: Overview) -> dict[str, object]:
    made: dict[str, Use] = {}
    for uses in seen.uses.values():
        for use in uses:
            if use.entry.built is not None:
                made.setdefault(use.entry.built.key, use)
    builds = sorted(made.values(), key=lambda use: (-_seconds(use), use.entry.wheel.filename))
    longest = max(map(_seconds, builds), default=0.0)
    return {"builds": builds, "longest": longest or 1.0, "timed": longest > 0, "folders": seen.site.folders}


def _seconds(use: Use) -> float:
    return use.entry.built.seconds if use.entry.built else 0.0


def _graph_page(frame: Frame, folder: Folder) -> Page:
    needs: dict[str, list[str]] = {layout.canonical(entry.wheel.name): [] for entry in folder.entries}
    for entry in folder.entries:
        for asker in entry.via:
            if asker in needs:
                needs[asker].append(layout.canonical(entry.wheel.name))
    asked = {layout.canonical(e.wheel.name) for e in folder.entries if any(v.startswith("-") for v in e.via)}
    built = {layout.canonical(entry.wheel.name) for entry in folder.entries if entry.built}
    parts = [folder.name, repr(sorted(needs.items())), repr(sorted(asked)), repr(sorted(built))]
    return frame.page(
        "graph",
        parts,
        lambda: {
            "folder": folder,
            "drawing": graph.draw(needs) if len(needs) <= DRAWN else None,
            "needs": dict(sorted(needs.items())),
            "asked": asked,
            "built": built,
        },
        up="../",
    )


def _install(use: Use) -> list[tuple[Access, tuple[str, ...]]]:
    """Return the lines that install a project from a folder, from a disk and from a server."""
    way, pin = commands.route(use.folder), f"{use.entry.wheel.name}=={use.entry.wheel.version}"
    return [(access, commands.lines(commands.install(way, access, pin))) for access in (DISK, SERVER)]


def _project_page(
    frame: Frame,
    seen: Overview,
    row: Row,
    digest: str | None,
    metadata: Mapping[str, str],
    about: Callable[[], Markup],
) -> Page:
    wheels, uses = seen.projects[row.name], seen.uses.get(row.name, [])
    required_by = seen.required_by.get(row.name, [])
    known = [need.name for need in seen.facts_of(row.name).requires if need.name in seen.projects]
    made_here = [use.entry.built for use in uses if use.entry.built]
    logs = {built.key: place for built in made_here if (place := build_logs.place(built)) in seen.site.attachments}
    parts = [
        *(pages.facts(wheel, metadata.get(wheel.filename)) for wheel in wheels),
        *(
            f"{use.folder.name}\t{use.folder.target!r}\t{use.folder.pip!r}\t{use.folder.proof!r}\t{use.entry!r}"
            for use in uses
        ),
        *(f"{seen.origins[wheel.filename].origin}" for wheel in wheels if wheel.filename in seen.origins),
        repr((row, digest, required_by, known, logs)),
    ]
    return frame.page(
        "project",
        parts,
        lambda: {
            "row": row,
            "facts": seen.facts_of(row.name),
            "newest": seen.newest[row.name],
            "wheels": list(reversed(pages.in_order(wheels))),
            "origins": seen.origins,
            "uses": uses,
            "install": {use.folder.name: _install(use) for use in uses},
            "titles": {use.folder.name: views.target_title(use.folder) for use in uses},
            "required_by": required_by,
            "known": frozenset(known),
            "readme": about(),
            "logs": logs,
            "metadata": metadata,
            "built": list({u.entry.built.key: (u.entry, u.entry.built) for u in uses if u.entry.built}.values()),
        },
        up="../",
    )
