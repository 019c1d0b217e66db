"""Publishing: a site becomes a folder that any web server, or pip itself, can read at every moment.

New files are written aside, made durable together, and put in place in an order that never shows a page before what it
links to: the pool, the targets' folders (each exchanged whole), the pages of projects, the pages above them; then what
is listed no more is removed, and the manifest is written last. A publication that is killed leaves a whole site, and
the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from wheelyard.domain.events import Reporter, StageFinished, StageStarted, Warned, silent
from wheelyard.domain.site import Folder, LabelledFolder, Published, Site, Wheel
from wheelyard.index import commit, layout, listing, pages, publish_record, site_state
from wheelyard.index.claim import check_place, claimed
from wheelyard.index.existing import DROPPED, Ground
from wheelyard.index.layout import FILES, SIMPLE, TARGETS
from wheelyard.index.pages import Page
from wheelyard.index.people.page_plan import labelled_page, people_pages, target_page
from wheelyard.index.staging import Staging, sweep
from wheelyard.io import files
from wheelyard.store.blobs import Store
from wheelyard.wheels.metadata import read_metadata

LOCK = ".lock"
LONG = 20
"""Pages with fewer links than this are not compressed beforehand."""


class Link(NamedTuple):
    """One more name for a file of the pool."""

    key: str
    pooled: str


Metadata = Mapping[str, str]
"""By file name: the SHA-256 of the METADATA beside it."""


def publish(site: Site, *, store: Store, into: Path, report: Reporter = silent, grace: float = 0) -> Published:
    """Make ``into`` hold exactly this site, atomically, writing only what is not right already.

    Files that are not Wheelyard's own at the top of the folder are left alone; of these only a README goes along.

    :param grace: seconds that a file stays in the pool after the last page that lists it was replaced, for readers who
        have that page still; it is removed by the first publication after that.
    :raises WheelError: if a file name has two contents, or a wheel of the store is damaged.
    :raises StorageError: if the disk is full, another run holds the lock, a file is missing in the store, or the
        folder has content that Wheelyard did not make.
    """
    pool = layout.pool(site)
    layout.check_places((*site.folders, *site.labelled), {**site.documents, **site.attachments})
    report(StageStarted(stage="index", jobs=len(pool)))
    try:
        into.mkdir(parents=True, exist_ok=True)
        with files.locked(into / LOCK, what="this wheelhouse"):
            check_place(into)
            if not claimed(into):
                publish_record.save(into, {})
            sweep(into)
            ground = Ground(into)
            published = _publish(site, pool, store, ground, grace)
            for path in listing.strangers(ground):
                report(Warned(message=f"{into / path} is not of this wheelhouse: it is neither signed nor packed"))
    except OSError as error:
        raise files.storage_error(Path(error.filename or into), error) from error
    report(StageFinished(stage="index"))
    return published


def _publish(site: Site, pool: Mapping[str, Wheel], store: Store, ground: Ground, grace: float) -> Published:
    staging = Staging(ground.into)
    try:
        metadata = _stage_pool(pool, store, ground, staging)
        wanted = {f"{FILES}/{name}" for name in pool} | {f"{FILES}/{name}.metadata" for name in metadata}
        exchanged = []
        folders = {each.name: dict(_folder_wants(site, each, metadata)) for each in site.folders}
        folders.update({each.name: dict(_labelled_wants(site, each, metadata)) for each in site.labelled})
        for name, wants in folders.items():
            wanted.update(wants)
            if _stage_folder(f"{TARGETS}/{name}/", wants, ground, staging):
                exchanged.append(name)
        index = dict(
            _index_wants(f"{SIMPLE}/", layout.by_project(layout.baseline(site).values()), metadata, f"../../{FILES}/")
        )
        index.update(_people(site, pool, metadata, ground, staging))
        for path, page in index.items():
            _stage(path, page, ground, staging)
        wanted.update(index)
        wanted.update(_stage_documents(site, store, ground, staging))
        if staging.written:
            staging.flush()
        commit.everything(staging, exchanged)
        leaving = [path for path in ground.disk if ground.leftover(path, wanted)]
        gone = ground.spare(leaving, grace, time.time()) if grace else leaving
        commit.remove(gone, set(folders), ground, staging)
    finally:
        shutil.rmtree(staging.root, ignore_errors=True)
    ground.kept.update(staging.written)
    for path in gone:
        del ground.disk[path]
    site_state.save(ground.into, site)
    listing.finish(site, ground, changed=bool(staging.written or gone))
    return _summary(pool, leaving, ground, staging)


def _people(
    site: Site, pool: Mapping[str, Wheel], metadata: Metadata, ground: Ground, staging: Staging
) -> Iterator[tuple[str, Page]]:
    def read(name: str) -> bytes:
        return staging.staged(f"{FILES}/{name}.metadata").read_bytes()

    return people_pages(site, pool, metadata, read, ground.into)


def _stage_pool(pool: Mapping[str, Wheel], store: Store, ground: Ground, staging: Staging) -> Metadata:
    found: dict[str, str] = {}
    for name, wheel in pool.items():
        path, beside = f"{FILES}/{name}", f"{FILES}/{name}.metadata"
        is_wheel = name.endswith(".whl")
        here = ground.keep_if_same(path, wheel.sha256, wheel.sha256, wheel.size)
        known = ground.keep(beside, f"METADATA of {wheel.sha256}") if is_wheel else None
        if here is None or (is_wheel and known is None):
            content = None if here else _stage_file(path, wheel.sha256, store, ground, staging, metadata=is_wheel)
            if is_wheel and known is None:
                content = read_metadata(staging.staged(path)) if content is None else content
                digest, key = hashlib.sha256(content).hexdigest(), f"METADATA of {wheel.sha256}"
                known = ground.keep_if_same(beside, key, digest, len(content))
                known = known or staging.put(beside, content, key, sha256=digest)
        if known is not None:
            found[name] = known.sha256
    return found


def _stage_file(
    path: str, sha256: str, store: Store, ground: Ground, staging: Staging, *, metadata: bool = False
) -> bytes | None:
    twin = ground.twin(sha256) if ground.record else None
    if twin is not None:
        staging.link(path, ground.into / twin, ground.record[twin])
        return None
    return staging.blob(path, store.path(sha256), sha256, metadata=metadata)


def _folder_wants(site: Site, folder: Folder, metadata: Metadata) -> Iterator[tuple[str, Page | Link]]:
    """Yield everything that lies in a target's folder: it is complete, so that it works alone on a memory stick."""
    top = f"{TARGETS}/{folder.name}/"
    wheels = pages.in_order(layout.wheels_of(folder))
    yield from _links(top, wheels, metadata)
    yield f"{top}requirements.txt", pages.text(folder.requirements_txt)
    yield f"{top}pylock.toml", pages.text(folder.pylock_toml)
    yield f"{top}index.html", target_page(site, folder, wheels, metadata)
    yield from _index_wants(f"{top}{SIMPLE}/", layout.by_project(wheels), metadata, "../../")


def _labelled_wants(site: Site, folder: LabelledFolder, metadata: Metadata) -> Iterator[tuple[str, Page | Link]]:
    """Yield the same for a folder of labelled wheels; it has no ``pylock.toml``, which only a draft lets name them."""
    top = f"{TARGETS}/{folder.name}/"
    everything = pages.in_order((*(entry.wheel for entry in folder.entries), *folder.tables))
    yield from _links(top, everything, metadata)
    yield f"{top}requirements.txt", pages.text(folder.requirements_txt)
    yield f"{top}index.html", labelled_page(site, folder, everything, metadata)
    yield from _index_wants(f"{top}{SIMPLE}/", layout.by_project(everything), metadata, "../../")


def _links(top: str, wheels: Iterable[Wheel], metadata: Metadata) -> Iterator[tuple[str, Link]]:
    for wheel in wheels:
        yield f"{top}{wheel.filename}", Link(wheel.sha256, f"{FILES}/{wheel.filename}")
        beside = f"{wheel.filename}.metadata"
        if wheel.filename in metadata:
            yield f"{top}{beside}", Link(f"METADATA of {wheel.sha256}", f"{FILES}/{beside}")


def _index_wants(
    top: str, projects: Mapping[str, list[Wheel]], metadata: Metadata, up: str
) -> Iterator[tuple[str, Page]]:
    for name, wheels in projects.items():
        project = _project_wants(f"{top}{name}/", name, wheels, metadata, up)
        yield from pages.compressed(project) if len(wheels) >= LONG else project
    names = tuple(projects)
    key = pages.digest(names)
    root = {
        f"{top}index.html": Page(key, lambda: pages.root_html(names)),
        f"{top}index.json": Page(key, lambda: pages.root_json(names)),
    }
    yield from pages.compressed(root.items()) if len(names) >= LONG else root.items()


def _project_wants(top: str, name: str, wheels: list[Wheel], metadata: Metadata, up: str) -> Iterator[tuple[str, Page]]:
    # Sorted by file name for the key, as that is cheap; by version only where the page is really made.
    wheels.sort(key=lambda wheel: wheel.filename)
    key = pages.digest([name, up, *(pages.facts(wheel, metadata.get(wheel.filename)) for wheel in wheels)])
    yield f"{top}index.html", Page(key, lambda: pages.project_html(name, pages.in_order(wheels), metadata, up))
    yield f"{top}index.json", Page(key, lambda: pages.project_json(name, pages.in_order(wheels), metadata, up))


def _stage(path: str, want: Page | Link, ground: Ground, staging: Staging) -> None:
    if isinstance(want, Link):
        if not ground.keep_if_linked(path, want.key, want.pooled):
            known = ground.kept.get(want.pooled) or staging.written[want.pooled]
            staging.link(path, staging.staged(want.pooled), known)
    elif not ground.keep(path, want.key):
        made = want.make()
        content = made.encode() if isinstance(made, str) else made
        digest = hashlib.sha256(content).hexdigest()
        if not ground.keep_if_same(path, want.key, digest, len(content)):
            staging.put(path, content, want.key, sha256=digest)


def _stage_folder(top: str, wants: Mapping[str, Page | Link], ground: Ground, staging: Staging) -> bool:
    """Stage what a target's folder lacks; return whether it is staged whole, to be exchanged."""
    recorded = {path: known.key for path, known in ground.record.items() if path.startswith(top)}
    if recorded == {path: want.key for path, want in wants.items()}:
        for path, want in wants.items():
            _stage(path, want, ground, staging)
        return False
    for path, want in wants.items():
        known = ground.keep(path, want.key)
        if known is not None:
            staging.link(path, ground.into / path, known)
        else:
            ground.disk.pop(path, None)  # so that it is written, not kept: the old folder goes away
            _stage(path, want, ground, staging)
    return True


def _stage_documents(site: Site, store: Store, ground: Ground, staging: Staging) -> list[str]:
    for path, content in site.documents.items():
        digest = hashlib.sha256(content).hexdigest()
        if not ground.keep_if_same(path, digest, digest, len(content)):
            staging.put(path, content, digest, sha256=digest)
    for path, sha256 in site.attachments.items():
        if not ground.keep(path, sha256):
            staging.blob(path, store.path(sha256), sha256, metadata=False)
    return [*site.documents, *site.attachments]


def _summary(pool: Mapping[str, Wheel], leaving: list[str], ground: Ground, staging: Staging) -> Published:
    new = [name for name in pool if f"{FILES}/{name}" in staging.written]
    restored = 0
    for name in new:
        before = ground.record.get(f"{FILES}/{name}")
        restored += before is not None and before.key == pool[name].sha256
    return Published(
        added=len(new) - restored,
        restored=restored,
        removed=sum(_is_removed(path, ground) for path in leaving),
        unchanged=len(pool) - len(new),
        written=len(staging.written),
        bytes=staging.bytes,
    )


def _is_removed(path: str, ground: Ground) -> bool:
    """Whether a distribution leaves in this publication, and not only its bytes some time after its pages."""
    name = path.removeprefix(f"{FILES}/")
    dropped_before = path in ground.record and ground.record[path].key.startswith(DROPPED)
    return path.startswith(f"{FILES}/") and layout.is_distribution(name) and not dropped_before
