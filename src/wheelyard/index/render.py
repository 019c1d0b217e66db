"""Rendering: from a site to every file that it has. No page is made before it is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping

from markupsafe import Markup

from wheelyard.bundle.manifest import GENERATION
from wheelyard.domain.site import Folder, LabelledFolder, Site, Wheel
from wheelyard.index import layout, pages
from wheelyard.index.knowledge import Knowledge
from wheelyard.index.layout import FILES, SIMPLE, TARGETS
from wheelyard.index.pages import Page
from wheelyard.index.people.page_plan import labelled_page, people_pages, target_page
from wheelyard.index.rendered import Blob, Item, Link, RenderedSite

LONG = 20
"""Pages with fewer links than this are not compressed beforehand."""

Metadata = Mapping[str, str]
"""By file name: the SHA-256 of the METADATA beside it."""


def render(
    site: Site,
    pool: Mapping[str, Wheel],
    known: Knowledge,
    *,
    read: Callable[[Wheel], bytes],
    readme: Callable[[Wheel], Markup],
) -> RenderedSite:
    """Return every file of a site.

    :param pool: the site's distributions by file name, as ``layout.pool`` gives them.
    :param read: returns the METADATA of a wheel, as it is known; it is asked only for what a publisher has to write.
    :param readme: returns the long description of a wheel as HTML that is safe to show; asked for likewise.
    """
    metadata = known.metadata
    files: dict[str, Item] = dict(_pool(pool, metadata, read))
    for folder in site.folders:
        files.update(_folder(site, folder, metadata))
    for labelled in site.labelled:
        files.update(_labelled(site, labelled, metadata))
    files.update(_documents(site))
    projects = layout.by_project(layout.baseline(site).values())
    files.update(_index(f"{SIMPLE}/", projects, metadata, f"../../{FILES}/"))
    files.update(people_pages(site, pool, metadata, known.facts, readme))
    files[GENERATION] = pages.document(b"")  # whoever writes a manifest knows the number
    return RenderedSite(site=site, pool=pool, files=files)


def _pool(
    pool: Mapping[str, Wheel], metadata: Metadata, read: Callable[[Wheel], bytes]
) -> Iterator[tuple[str, Page | Blob]]:
    for name, wheel in pool.items():
        yield f"{FILES}/{name}", Blob(wheel.sha256)
        if name in metadata:
            yield f"{FILES}/{name}.metadata", Page(_metadata_key(wheel), functools.partial(read, wheel))


def _metadata_key(wheel: Wheel) -> str:
    return f"METADATA of {wheel.sha256}"


def _documents(site: Site) -> Iterator[tuple[str, Page | Blob]]:
    for path, content in site.documents.items():
        yield path, pages.document(content)
    for path, sha256 in site.attachments.items():
        yield path, Blob(sha256)


def _folder(site: Site, folder: Folder, metadata: Metadata) -> Iterator[tuple[str, Page | Link]]:
    """Yield everything that lies in a target's folder: it is complete, so that it works alone on a memory stick."""
    top = f"{TARGETS}/{folder.name}/"
    wheels = pages.in_order(layout.wheels_of(folder))
    yield from _links(top, wheels, metadata)
    yield f"{top}requirements.txt", pages.document(folder.requirements_txt.encode())
    yield f"{top}pylock.toml", pages.document(folder.pylock_toml.encode())
    yield f"{top}index.html", target_page(site, folder, wheels, metadata)
    yield from _index(f"{top}{SIMPLE}/", layout.by_project(wheels), metadata, "../../")


def _labelled(site: Site, folder: LabelledFolder, metadata: Metadata) -> Iterator[tuple[str, Page | Link]]:
    """Yield the same for a folder of labelled wheels; it has no ``pylock.toml``, which only a draft lets name them."""
    top = f"{TARGETS}/{folder.name}/"
    everything = pages.in_order((*(entry.wheel for entry in folder.entries), *folder.tables))
    yield from _links(top, everything, metadata)
    yield f"{top}requirements.txt", pages.document(folder.requirements_txt.encode())
    yield f"{top}index.html", labelled_page(site, folder, everything, metadata)
    yield from _index(f"{top}{SIMPLE}/", layout.by_project(everything), metadata, "../../")


def _links(top: str, wheels: Iterable[Wheel], metadata: Metadata) -> Iterator[tuple[str, Link]]:
    for wheel in wheels:
        yield f"{top}{wheel.filename}", Link(wheel.sha256, f"{FILES}/{wheel.filename}")
        beside = f"{wheel.filename}.metadata"
        if wheel.filename in metadata:
            yield f"{top}{beside}", Link(_metadata_key(wheel), f"{FILES}/{beside}")


def _index(top: str, projects: Mapping[str, list[Wheel]], metadata: Metadata, up: str) -> Iterator[tuple[str, Page]]:
    for name, wheels in projects.items():
        project = _project(f"{top}{name}/", name, wheels, metadata, up)
        yield from pages.compressed(project) if len(wheels) >= LONG else project
    names = tuple(projects)
    key = pages.digest(names)
    root = {
        f"{top}index.html": Page(key, lambda: pages.root_html(names)),
        f"{top}index.json": Page(key, lambda: pages.root_json(names)),
    }
    yield from pages.compressed(root.items()) if len(names) >= LONG else root.items()


def _project(top: str, name: str, wheels: list[Wheel], metadata: Metadata, up: str) -> Iterator[tuple[str, Page]]:
    # Sorted by file name for the key, as that is cheap; by version only where the page is really made.
    wheels.sort(key=lambda wheel: wheel.filename)
    key = pages.digest([name, up, *(pages.facts(wheel, metadata.get(wheel.filename)) for wheel in wheels)])
    yield f"{top}index.html", Page(key, lambda: pages.project_html(name, pages.in_order(wheels), metadata, up))
    yield f"{top}index.json", Page(key, lambda: pages.project_json(name, pages.in_order(wheels), metadata, up))
