"""One requirement, with the place it was written at."""

from __future__ import annotations

from dataclasses import dataclass

from packaging import requirements


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement with the place it was written at."""

    text: str
    """PEP 508, normalised. A URL or local path has been turned into ``name @ …`` or, if the name is not known
    yet, is in ``direct`` with an empty text."""
    origin: str
    """``requirements/demo.in``, as it will be shown in ``via -r …``."""
    line: int
    direct: str | None = None
    """URL (without credentials and query; a ``?`` at its end says that it has one), or path (relative to the
    configuration's folder), of a wheel, sdist or project folder that is required directly; also where ``text`` says
    ``name @ …``, and there it is the same place."""
    hashes: tuple[str, ...] = ()
    """``sha256:…`` that a file of this requirement must have one of."""
    extras: tuple[str, ...] = ()
    """Of a direct requirement with an empty text; else they are in the text."""
    marker: str | None = None
    """Of a direct requirement with an empty text; else it is in the text."""


def parse_requirement(line: str) -> requirements.Requirement:
    """Return a requirement as PEP 508 has it.

    :raises InvalidRequirement: if it is none, or nested more deeply than the parser goes.
    """
    try:
        return requirements.Requirement(line)
    except RecursionError:
        raise requirements.InvalidRequirement("it is nested too deeply") from None
