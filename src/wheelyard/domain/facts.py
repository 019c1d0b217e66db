"""What later stages need to know of a wheel that was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSummary:
    """The part of ``WheelFacts`` that later stages need."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    size: int
    requires_python: str | None
    provides_extra: tuple[str, ...]
    modules: tuple[str, ...]
    """Importable top-level modules."""
    metadata_sha256: str
