"""A folder that any web server, or pip itself, can read at every moment: each publication is one switch.

The next generation is made beside the folder: what stays the same is a hard link to the file that is published, what is
new is written and made durable; then the manifest, its signature, and the one switch of ``generations``. Where nothing
is to be changed nothing is made, and the folder stays as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wheelyard.bundle.manifest import GENERATION, generation_css
from wheelyard.bundle.sign import fingerprint_of, sign_bytes, signers_of
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter, Told, Warned, silent
from wheelyard.domain.site import PATIENCE, Published, Wheel
from wheelyard.host.manifest import BUNDLE, MANIFEST, SIGNATURE
from wheelyard.index import layout, pages, site_state
from wheelyard.index.claim import check_place
from wheelyard.index.layout import FILES, OURS
from wheelyard.index.publishers import listing, record
from wheelyard.index.publishers.generations import Generations, is_former
from wheelyard.index.publishers.ground import Ground
from wheelyard.index.publishers.listing import UNLISTED, Leave, Listed
from wheelyard.index.publishers.protocol import Order
from wheelyard.index.publishers.staging import Staging, link_or_copy
from wheelyard.index.rendered import Blob, Item, Link, RenderedSite, page_bytes
from wheelyard.io import exchange, files
from wheelyard.store.blobs import Store

NOTHING = record.Known(-1, -1, -1, "", "")
"""For a file whose record is not asked for."""


class FolderPublisher:
    """Publishes to a folder."""

    def __init__(self, into: Path) -> None:
        self.into = into

    @property
    def place(self) -> str:
        """The folder's path."""
        return os.fspath(self.into.resolve())

    def published(self, wheel: Wheel) -> Path | None:
        """Return where a wheel lies in the pool, or lay in the generation before."""
        path = f"{FILES}/{wheel.filename}"
        return next((root / path for root in (self.into, self.before) if (root / path).is_file()), None)

    @property
    def before(self) -> Path:
        """The generation before; it may not be there."""
        return Generations(self.into).before

    def put(self, rendered: RenderedSite, *, store: Store, order: Order, report: Reporter) -> Published:
        """Make the folder hold exactly this site, writing only what is not right already.

        :raises StorageError: as ``Publisher.put``; or if the folder has content that Wheelyard did not make, or
            another run works on it.
        :raises ToolError: if a key does not sign.
        """
        try:
            check_place(self.into)
            generations = Generations(self.into)
            with generations.working():
                check_place(self.into)
                published, spared = self._put(rendered, store, order, generations, report)
                if spared and order.grace <= PATIENCE:
                    names = {path.rpartition("/")[2] for path in spared}
                    names = {name for name in names if layout.is_distribution(name)}
                    files_leave = "one file leaves" if len(names) == 1 else f"{len(names)} files leave"
                    said = f"{files_leave} in {order.grace:g} s: who is reading can finish"
                    report(Told(message=f"{said} (--grace 0: at once)"))
                    time.sleep(order.grace)
                    rest, _ = self._put(rendered, store, replace(order, grace=0), generations, report)
                    published = replace(published, generation=rest.generation)
                return published
        except OSError as error:
            raise files.storage_error(Path(error.filename or self.into), error) from error

    def _put(
        self, rendered: RenderedSite, store: Store, order: Order, generations: Generations, report: Reporter
    ) -> tuple[Published, list[str]]:
        """Publish once, and return what that changed, and which files that leave are there still."""
        ground = Ground(generations.live, generations.state)
        staging = Staging(generations.staged(), generations.live)
        publication = _Publication(rendered, store, order, ground, staging, generations.before)
        try:
            return publication.put(generations, report), publication.spared
        finally:
            shutil.rmtree(staging.root, ignore_errors=True)


class _Publication:
    """One publication: what is kept, what is written, what leaves."""

    def __init__(
        self, rendered: RenderedSite, store: Store, order: Order, ground: Ground, staging: Staging, before: Path
    ) -> None:
        self.rendered = rendered
        self.before = before
        self.store = store
        self.order = order
        self.ground = ground
        self.staging = staging
        self.spared: list[str] = []

    def put(self, generations: Generations, report: Reporter) -> Published:
        """Publish, if there is anything to change."""
        site, ground, staging = self.rendered.site, self.ground, self.staging
        for path, item in self.rendered.files.items():
            if path != GENERATION:  # that is known when all else is
                self._stage(path, item)
        leaving = [path for path in ground.disk if path not in self.rendered.files and ground.leftover(path)]
        folders = frozenset([*(folder.name for folder in site.folders), *(folder.name for folder in site.labelled)])
        read = ground.may_be_read(leaving, folders)
        ground.spare(read, self.order.grace, time.time())
        self.spared = [path for path in read if path in ground.kept]
        gone = [path for path in leaving if path not in ground.kept]
        for path in gone:
            del ground.disk[path]
        listing.keep_others(ground, staging.written)
        for path in listing.strangers(ground, staging.written):
            report(Warned(message=f"{ground.live / path} is not of this wheelhouse: it is neither signed nor packed"))
        known = {**ground.kept, **staging.written}
        # Whether the files that leave are spared or not, the manifest of what remains has the same bytes.
        leave = Leave(spared=bool(self.spared), at_once=any(path not in self.spared for path in read))
        listed = listing.list_files(site, ground, known, leave, dated=bool(self.order.keys))
        fresh = bool(staging.written)
        self._stage(GENERATION, pages.document(generation_css(listed.head.sequence)))
        notes = {site_state.SHELF: site_state.dump(site), **self._signature(listed, report)}
        if staging.written or gone or listed.content is not None or not self._are_there(notes):
            restored = self._restored()
            if listed.content is not None:
                notes[MANIFEST] = listed.content
            self._take_over(notes)
            staging.flush()
            carry(ground, staging)
            sweeps = not fresh and bool(gone) and all(map(ground.dropped, gone))
            generations.switch(staging.root, report, same_site=sweeps)
        else:
            restored = 0
        stamp = record.stamp_of((ground.live / MANIFEST).stat())
        now = {**ground.kept, **staging.written}
        now[MANIFEST] = record.known(stamp, listed.digest, json.dumps(listed.head))
        if now != ground.record:
            record.save(generations.state, now)
        return self._summary(leaving, restored, listed.head.sequence)

    def _stage(self, path: str, item: Item) -> None:
        """Keep a file that is right, or write it."""
        ground, staging = self.ground, self.staging
        if isinstance(item, Link):
            if not ground.keep_if_linked(path, item.key, item.pooled):
                known = ground.kept.get(item.pooled) or staging.written[item.pooled]
                staging.link(path, staging.source(item.pooled), known._replace(key=item.key))
        elif isinstance(item, Blob):
            if not ground.keep_if_same(path, item.key, item.key, self.rendered.size(path)):
                twin = ground.twin(item.key) if ground.record else None
                if twin is not None:
                    staging.link(path, ground.live / twin, ground.record[twin])
                else:
                    staging.blob(path, self._bytes_of(path, item.key), item.key)
        elif not ground.keep(path, item.key):
            content = page_bytes(item)
            digest = hashlib.sha256(content).hexdigest()
            if not ground.keep_if_same(path, item.key, digest, len(content)):
                staging.put(path, content, item.key)

    def _bytes_of(self, path: str, sha256: str) -> Path:
        """Return where a blob is: in the store, or where it lay in the generation before."""
        earlier = self.before / path
        return earlier if not self.store.has(sha256) and earlier.is_file() else self.store.path(sha256)

    def _signature(self, listed: Listed, report: Reporter) -> dict[str, bytes]:
        """Return the signature file by its name: what is there, if it fits, and what the keys add; or nothing."""
        place = self.ground.live / SIGNATURE
        there = place.read_text() if place.is_file() else ""
        if there and not listed.same and not self.order.keys:
            said = "was signed, and what is published now is not: hosts that trust a key refuse it"
            report(
                Warned(message=f"{self.ground.live} {said}; publish with --key, or sign it with `wheelyard pack --key`")
            )
        kept = there if listed.same else ""
        if self.order.keys:
            content = (self.ground.live / MANIFEST).read_bytes() if listed.content is None else listed.content
            good = signers_of(content, kept)
            missing = [key for key in self.order.keys if fingerprint_of(key) not in good]
            kept = "".join([kept if good else "", *(sign_bytes(content, key) for key in missing)])
        return {SIGNATURE: kept.encode()} if kept else {}

    def _are_there(self, notes: Mapping[str, bytes]) -> bool:
        """Whether these files lie there with these bytes, and no signature that is not among them."""
        signed = (self.ground.live / SIGNATURE).exists()
        return (SIGNATURE in notes or not signed) and all(self._is_there(*note) for note in notes.items())

    def _is_there(self, name: str, content: bytes) -> bool:
        path = self.ground.live / name
        return path.is_file() and path.read_bytes() == content

    def _take_over(self, notes: Mapping[str, bytes]) -> None:
        """Link what stays the same into the next generation, and write the manifest, its signature and our notes."""
        live, kept = self.ground.live, self.ground.kept
        for path, known in kept.items():
            kept[path] = self.staging.adopt(path, live / path, known)
        for name, content in notes.items():
            if self._is_there(name, content):
                self.staging.adopt(name, live / name, NOTHING)
            else:
                self.staging.note(name, content)
        if MANIFEST not in notes:
            self.staging.adopt(MANIFEST, live / MANIFEST, NOTHING)

    def _restored(self) -> int:
        """Return how many distributions should have been there, and were missing or altered."""
        before = ((name, self.ground.record.get(f"{FILES}/{name}")) for name in self._new())
        return sum(known is not None and known.key == self.rendered.pool[name].sha256 for name, known in before)

    def _new(self) -> list[str]:
        return [name for name in self.rendered.pool if f"{FILES}/{name}" in self.staging.written]

    def _summary(self, leaving: list[str], restored: int, generation: int) -> Published:
        new = len(self._new())
        return Published(
            added=new - restored,
            restored=restored,
            removed=sum(self._is_removed(path) for path in leaving),
            unchanged=len(self.rendered.pool) - new,
            written=len(self.staging.written),
            bytes=self.staging.bytes,
            generation=generation,
        )

    def _is_removed(self, path: str) -> bool:
        """Whether a distribution leaves in this publication, and not only its bytes some time after its pages."""
        name = path.removeprefix(f"{FILES}/")
        return path.startswith(f"{FILES}/") and layout.is_distribution(name) and not self.ground.dropped(path)


def carry(ground: Ground, staging: Staging) -> None:
    """Link what is not ours, hidden names too: who put it there finds it in the next generation."""
    live, root = ground.live, staging.root
    others = [path for path in ground.disk if path not in UNLISTED or path == BUNDLE]
    hidden = [path for path in ground.found.hidden if not is_former(path)]
    for path in (*others, *hidden):
        if not os.path.lexists(root / path):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            _link_tree(live / path, root / path)
    for path in ground.found.empty:
        if path.partition("/")[0] not in OURS | {FILES}:
            (root / path).mkdir(parents=True, exist_ok=True)


def _link_tree(source: Path, place: Path) -> None:
    if source.is_symlink() or not source.is_dir():
        with contextlib.suppress(FileNotFoundError):  # its owner has just taken it away
            link_or_copy(os.fspath(source), os.fspath(place))
        return
    place.mkdir()
    for path in source.iterdir():
        _link_tree(path, place / path.name)
    shutil.copystat(source, place)


@contextlib.contextmanager
def held(into: Path) -> Iterator[Generations]:
    """Yield the generations of a published folder, which nobody else changes meanwhile.

    :raises StorageError: if another run works on the folder, or it cannot be written.
    """
    try:
        generations = Generations(into)
        with generations.working():
            yield generations
    except OSError as error:
        raise files.storage_error(Path(error.filename or into), error) from error


@contextlib.contextmanager
def changed(generations: Generations, *, report: Reporter = silent) -> Iterator[Path]:
    """Yield a copy of a held folder, of hard links, in which files may be replaced; then publish it in one step.

    Files are replaced in it (``files.write``), never written to. Where nothing was, nothing is published.
    """
    ground = Ground(generations.live, generations.state)
    staging = Staging(generations.staged(), generations.live)
    try:
        staging.begin()
        for path in ground.disk:
            staging.adopt(path, ground.live / path, NOTHING)
        carry(ground, staging)
        before = _state(staging.root)
        with _naming(ground.live, staging.root):
            yield staging.root
        if _state(staging.root) != before:
            exchange.flush(staging.root)
            generations.switch(staging.root, report, same_site=True)
    finally:
        shutil.rmtree(staging.root, ignore_errors=True)


@contextlib.contextmanager
def _naming(live: Path, staged: Path) -> Iterator[None]:
    """Let errors name the folder that people know."""
    try:
        yield
    except WheelyardError as error:
        if error.where is not None:
            error.where = error.where.replace(os.fspath(staged), os.fspath(live))
        raise


def _state(root: Path) -> tuple[object, ...]:
    found = record.scan(root)
    hidden = {path: record.stamp_of((root / path).lstat()) for path in found.hidden}
    return found.files, hidden
