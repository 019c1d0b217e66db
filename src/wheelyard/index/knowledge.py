"""What is known of a pool's METADATA: read and parsed once, and kept in the store for the next publication."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from wheelyard.domain.errors import HashMismatchError
from wheelyard.domain.site import Wheel
from wheelyard.index import layout
from wheelyard.index.people import facts, readme, views
from wheelyard.index.people.facts import Need, PageFacts
from wheelyard.index.rendered import not_in_store
from wheelyard.io import files
from wheelyard.store.blobs import Store, damaged
from wheelyard.store.memo import memo
from wheelyard.wheels.metadata import metadata_of, read_metadata

_FORMAT = 4
_IN_MEMORY = 1 << 20  # bytes: a wheel up to this size is read once, for its hash and for its METADATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The METADATA of a pool's wheels."""

    metadata: Mapping[str, str]
    """By file name: the SHA-256 of the METADATA beside it; sdists and tables have none."""
    facts: Mapping[str, PageFacts]
    """By that SHA-256: what pages show; of the newest file of each project only."""


@dataclass(slots=True)
class _Kept:
    digests: dict[str, str] = field(default_factory=dict)
    """By SHA-256 of the wheel, that of its METADATA."""
    facts: dict[str, PageFacts] = field(default_factory=dict)


class Shelf(NamedTuple):
    """Where the bytes of wheels are: in the store, or where they were published already."""

    store: Store
    published: Callable[[Wheel], Path | None]
    """Where an earlier publication of a wheel lies; it may be damaged."""

    def metadata(self, wheel: Wheel, *, check: bool) -> bytes:
        """Return the METADATA of a wheel.

        :param check: hash the wheel first; else the METADATA has to be compared with what it was.
        :raises StorageError: if the wheel is nowhere.
        :raises HashMismatchError: if its copy is damaged.
        """
        path = self.store.path(wheel.sha256)
        other = None if path.is_file() else self.published(wheel)
        if other is None and not path.is_file():
            raise not_in_store(wheel.filename)
        if other is None and wheel.size <= _IN_MEMORY:
            content = path.read_bytes()
            if check and hashlib.sha256(content).hexdigest() != wheel.sha256:
                raise damaged(path, where=wheel.filename)
            return metadata_of(content, wheel.filename)
        if check and files.sha256(other or path) != wheel.sha256:
            raise not_in_store(wheel.filename) if other else damaged(path, where=wheel.filename)
        return read_metadata(other or path)

    def told(self, wheel: Wheel, digest: str) -> bytes:
        """Return the METADATA of a wheel, which must be what it was.

        :raises StorageError: if the wheel is nowhere.
        :raises HashMismatchError: if it has another SHA-256 than ``digest``.
        """
        content = self.metadata(wheel, check=False)
        if hashlib.sha256(content).hexdigest() != digest:
            raise HashMismatchError("its METADATA is not what it was", where=wheel.filename)
        return content

    def readme(self, wheel: Wheel, digest: str) -> Markup:
        """Return the README of a wheel as a page shows it; made once for each METADATA. Parameters as for ``told``."""
        return memo(
            self.store,
            "readmes",
            readme.edition(),
            digest,
            lambda: readme.render(self.told(wheel, digest)),
            load=Markup,
        )


def gather(pool: Mapping[str, Wheel], shelf: Shelf, *, place: str) -> Knowledge:
    """Return what is known, reading only the METADATA that no earlier publication has read.

    :param place: names where the site is published: what is kept is kept for each such place by itself.
    :raises StorageError: if a wheel is nowhere, or what is known cannot be kept.
    :raises HashMismatchError: if a wheel's copy in the store is damaged.
    """
    path = shelf.store.area("published") / f"{hashlib.sha256(place.encode()).hexdigest()}.json"
    kept = _load(path)

    def digest_of(wheel: Wheel) -> str:
        return hashlib.sha256(shelf.metadata(wheel, check=True)).hexdigest()

    wheels = {name: wheel for name, wheel in pool.items() if name.endswith(".whl")}
    metadata = {name: kept.digests.get(wheel.sha256) or digest_of(wheel) for name, wheel in wheels.items()}
    newest = views.newest_of(layout.by_project(layout.without_tables(pool)))
    shown = {metadata[wheel.filename]: wheel for wheel in newest.values() if wheel.filename in metadata}
    parsed = {
        digest: kept.facts.get(digest) or facts.parse(shelf.metadata(wheel, check=False))
        for digest, wheel in shown.items()
    }
    now = _Kept({wheel.sha256: metadata[name] for name, wheel in wheels.items()}, parsed)
    if now != kept:
        text = {"format": _FORMAT, "metadata": now.digests, "facts": now.facts}
        files.write(path, json.dumps(text, separators=(",", ":")), sync=False)
    return Knowledge(metadata=metadata, facts=parsed)


def _load(path: Path) -> _Kept:
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        content = json.loads(path.read_bytes())
        if content["format"] == _FORMAT:
            return _Kept(dict(content["metadata"]), {digest: _facts(row) for digest, row in content["facts"].items()})
    return _Kept()


def _facts(row: list[object]) -> PageFacts:
    name, summary, licence, requires, links = row
    needs = tuple(Need(need, tuple(extras)) for need, extras in requires)  # type: ignore[attr-defined]
    return PageFacts(str(name), str(summary), str(licence), needs, tuple((label, url) for label, url in links))  # type: ignore[attr-defined]
