"""What one compiled object says of itself, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A shared library or extension module, for one CPU."""

    format: Literal["ELF", "Mach-O"]
    cpu: str
    """As platform tags have it: ``x86_64``, ``aarch64``, ``arm64``."""
    libraries: tuple[str, ...] = ()
    """What it is linked with, as it names them."""
    run_paths: tuple[str, ...] = ()
    name: str | None = None
    """Its own install name or SONAME."""
    minimum: tuple[int, int] | None = None
    """Oldest macOS, or newest version of glibc's symbols that it uses."""
    undefined: Mapping[str, str | None] = field(default_factory=dict)
    """Symbols that others must bring, as C writes them; with the library, or version, that they are bound to."""
    exported: frozenset[str] = frozenset()
    text_relocations: bool = False
    signature: Literal["none", "valid", "broken"] = "none"
    """Mach-O's code signature; new Macs start nothing without one, and kill what has a broken one."""


class NotAnObjectError(ValueError):
    """The bytes are no object, or a damaged one."""
