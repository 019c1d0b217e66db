"""What the C library of a platform brings, by the lists that Zig carries."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from wheelyard.targets.platforms import Platform

_QUOTED = re.compile(r"\$ld\$[^'\s,\]]*|'?(_[A-Za-z0-9_.$]+)'?")
_MUSL = re.compile(r"^(?:\.globl|\.weak|WEAK64|WEAKTIME64) (\w+)", re.MULTILINE)


def system_functions(zig_library: Path, platform: Platform) -> frozenset[str] | None:
    """Return the names that every program may use there, as C writes them; None where no plain list is at hand.

    For glibc the version of each symbol says that it is the system's, so that no list is needed.
    """
    match platform.family:
        case "macosx":
            return _darwin(zig_library / "libc" / "darwin" / "libSystem.tbd")
        case "musllinux":
            return _musl(zig_library / "libc" / "musl" / "libc.S")
    return None


@functools.lru_cache(maxsize=4)
def _darwin(listing: Path) -> frozenset[str]:
    text = listing.read_text("utf-8")
    found = (match[1] for match in _QUOTED.finditer(text))
    return frozenset(name[1:] for name in found if name)


@functools.lru_cache(maxsize=4)
def _musl(listing: Path) -> frozenset[str]:
    return frozenset(_MUSL.findall(listing.read_text("utf-8")))
