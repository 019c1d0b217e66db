"""What a resolver is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wheelyard.domain.target import Target
from wheelyard.resolve.overrides import Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package of an answer."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    extras: tuple[str, ...] = ()
    """The extras that were asked for, spelled as the wheel's ``Provides-Extra`` does (old pips compare literally)."""
    via: tuple[str, ...] = ()
    """Who asked for it: normalised project names, or ``-r FILE`` / ``-c FILE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to resolve: PEP 508 lines by the file (or other place) that they come from."""

    target: Target
    requirements: Mapping[str, Sequence[str]]
    constraints: Mapping[str, Sequence[str]]
    preferences: Mapping[str, str]
    """Versions to keep where they still fit: normalised name to version."""
    prereleases: bool = False
    overrides: Overrides = Overrides()  # noqa: RUF009  (frozen)
    """What packages ask for, where it is not what they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a resolver came to."""

    pins: tuple[Pin, ...]
    """Ordered by name."""
    warnings: tuple[str, ...] = ()
    """Its own words, of what we do not see ourselves (not: yanked versions and unknown extras)."""


class Resolver(Protocol):
    """From a question to pins; sees only the loopback index that ``resolve.view`` serves, and builds nothing."""

    name: str

    def resolve(self, question: Question, index_url: str) -> Resolution:
        """Return the pins, and what there is to say of them.

        :raises ResolutionError: explaining in words who wants what, if there is no answer.
        """
        ...
