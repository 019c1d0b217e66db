"""What a METADATA says that people want to read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from packaging.utils import canonicalize_name

from wheelyard.wheels import core_metadata
from wheelyard.wheels.core_metadata import CoreMetadata, extras_of
from wheelyard.wheels.licence import license_of

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
