"""What repair is asked, and what it makes of a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRequest:
    """A wheel to be repaired for a target."""

    wheel: Path
    into: Path
    """The folder that the repaired wheel goes into."""
    target: Target
    log: Path
    libraries: tuple[Path, ...] = ()
    """Folders to look for shared libraries in, instead of this machine's own: an image's."""
    seen: tuple[Path, ...] = ()
    """Folders that the build could see: a library from anywhere else is refused. None: it saw everything."""
    provided: tuple[str, ...] = ()
    """Names (``fnmatch`` patterns) of libraries that come from elsewhere, and are not grafted."""
    check_instructions: bool = True
    """Refuse code for newer CPUs than the platform promises; off for variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A wheel that needs nothing of its target but what every such target has."""

    path: Path
    policy: str
    """The platform tag that it earned: ``manylinux_2_17_x86_64``, ``any`` for a pure wheel."""
    grafted: tuple[str, ...] = ()
    """File names of the libraries that were put in."""
