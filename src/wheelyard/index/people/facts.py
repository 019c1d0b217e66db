"""What a METADATA says that people want to read; parsed once, kept beside the wheelhouse's record."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from wheelyard.io import files
from wheelyard.wheels import core_metadata
from wheelyard.wheels.core_metadata import CoreMetadata, extras_of
from wheelyard.wheels.licence import license_of

CACHE = ".facts.json"
_FORMAT = 3
_WEB = re.compile(r"https?://[^\s\"'<>]+\Z")
_LONGEST = 300


class Need(NamedTuple):
    """A project that another one requires."""

    name: str
    """Normalised."""
    extras: tuple[str, ...] = ()
    """Extras that bring it; none: it always comes."""


class PageFacts(NamedTuple):
    """The part of a METADATA that pages show. It comes from strangers: only templates that escape may show it."""

    name: str = ""
    """As its author writes it."""
    summary: str = ""
    licence: str = ""
    requires: tuple[Need, ...] = ()
    """Everything it may depend on, by name, markers of systems and Pythons aside."""
    links: tuple[tuple[str, str], ...] = ()
    """Label and http(s) URL."""


def parse(metadata: bytes) -> PageFacts:
    """Return what pages show of a METADATA; whatever is odd is left out."""
    said = core_metadata.parse(metadata)
    return PageFacts(
        name=said.name[:_LONGEST],
        summary=said.summary[:_LONGEST],
        licence=license_of(said).shown[:_LONGEST],
        requires=tuple(_needs(said)),
        links=_links([("Home page", said.home_page), *((label[:40], url) for label, url in said.project_urls)]),
    )


def _needs(said: CoreMetadata) -> Iterator[Need]:
    """Yield what is required, by name; what is required anyway needs no extra that names it once more."""
    extras: dict[str, set[str]] = {}
    always = set()
    for requirement in said.requirements():
        name, brought_by = str(canonicalize_name(requirement.name)), extras_of(requirement)
        extras.setdefault(name, set()).update(brought_by)
        if not brought_by:
            always.add(name)
    for name, names in sorted(extras.items()):
        yield Need(name, () if name in always else tuple(sorted(names)))


def _links(labelled: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple({url: (label, url) for label, url in labelled if _WEB.match(url)}.values())


def gather(into: Path, wanted: Mapping[str, Callable[[], bytes]]) -> dict[str, PageFacts]:
    """Return facts by the SHA-256 of their METADATA, reading only those that no earlier publication has read.

    :param wanted: how to read each METADATA, by its SHA-256.
    """
    known = _load(into)
    found = {digest: known.get(digest) or parse(read()) for digest, read in wanted.items()}
    if found.keys() != known.keys():
        content = json.dumps({"format": _FORMAT, "facts": found}, separators=(",", ":"))
        files.write(into / CACHE, content, sync=False)
    return found


def _load(into: Path) -> dict[str, PageFacts]:
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        content = json.loads((into / CACHE).read_bytes())
        if content["format"] == _FORMAT:
            return {
                digest: PageFacts(
                    name,
                    summary,
                    licence,
                    tuple(Need(need, tuple(extras)) for need, extras in requires),
                    tuple((label, url) for label, url in links),
                )
                for digest, (name, summary, licence, requires, links) in content["facts"].items()
            }
    return {}
