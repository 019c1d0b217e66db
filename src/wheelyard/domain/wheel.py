"""What a checked wheel says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """The facts of one wheel: what its name, its METADATA, its WHEEL and its RECORD agree on."""

    filename: str
    name: str
    """Normalised (PEP 503)."""
    version: str
    """As METADATA spells it."""
    tags: frozenset[str]
    """Every expanded tag of the file name: ``cp312-cp312-manylinux_2_17_x86_64``."""
    dist_info: str
    """Name of the ``.dist-info`` folder, as it is spelled."""
    metadata: bytes
    """METADATA, byte for byte: what a PEP 658 file holds."""
    requires_python: str | None
    requires_dist: tuple[str, ...]
    provides_extra: tuple[str, ...]
    top_level_modules: tuple[str, ...]
    """What the wheel brings to import, ordered; dotted where a top folder is only a name space."""
    members: tuple[str, ...]
    """Every file, ordered as in the archive."""
    remarks: tuple[str, ...] = ()
    """What the standard forbids, but installers and real wheels do; a fault in a wheel of our own making."""

    @property
    def is_pure(self) -> bool:
        """Whether it runs on any platform, by its tags."""
        return all(tag.endswith("-any") for tag in self.tags)
