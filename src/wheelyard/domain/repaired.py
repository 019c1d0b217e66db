"""What repair makes of a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A wheel that needs nothing of its target but what every such target has."""

    path: Path
    policy: str
    """The platform tag that it earned: ``manylinux_2_17_x86_64``, ``any`` for a pure wheel."""
    grafted: tuple[str, ...] = ()
    """File names of the libraries that were put in."""
