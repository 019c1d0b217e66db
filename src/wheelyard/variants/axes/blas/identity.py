"""Which BLAS is in a binary: read from the binary itself, whatever the build said it would take."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelyard.variants.axes.blas.libraries import Library, libraries
from wheelyard.wheels.objects.members import is_grafted, objects_of

_RULES = 1
"""Raise it when a library is recognised in another way than by its marks."""
_DGEMM = (b"\0dgemm_\0", b"\0cblas_dgemm\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """One object of a wheel."""

    member: str
    grafted: bool
    """Put in by repair: in a folder ``*.libs`` or ``.dylibs``."""
    blas: frozenset[str]
    """The BLAS libraries that it is, or has linked statically."""


@functools.cache
def edition() -> str:
    """Return what identifies the marks that libraries are known by: where they change, what was found has to go."""
    marks = [(library.name, sorted(library.marks), sorted(library.not_marks)) for library in libraries().values()]
    return hashlib.sha256(json.dumps([_RULES, sorted(marks)]).encode()).hexdigest()[:16]


def identify(content: bytes, known: Mapping[str, Library] | None = None) -> frozenset[str]:
    """Return the names of the BLAS libraries whose code is in a binary; empty where there is none.

    An object that only calls a BLAS has none of its marks.
    """
    found = {
        library.name
        for library in (known or libraries()).values()
        if library.marks
        and all(mark.encode() in content for mark in library.marks)
        and not any(mark.encode() in content for mark in library.not_marks)
    }
    if not found and any(name in content for name in _DGEMM) and _defines_dgemm(content):
        found = {"netlib"}
    return frozenset(found)


def binaries(wheel: Path, *, filename: str | None = None) -> tuple[Binary, ...]:
    """Return what BLAS is in each object of a wheel.

    :raises WheelError: if it cannot be read.
    """
    return tuple(
        Binary(member=name, grafted=is_grafted(name), blas=identify(content))
        for name, content in objects_of(wheel, filename=filename)
    )


def _defines_dgemm(content: bytes) -> bool:
    """Whether an ELF object defines dgemm, rather than calling it."""
    # late: few wheels have a BLAS in them without its name
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        elf = ELFFile(io.BytesIO(content))
        for name in (".symtab", ".dynsym"):
            table = elf.get_section_by_name(name)
            if isinstance(table, SymbolTableSection):
                for wanted in ("dgemm_", "cblas_dgemm"):
                    symbols = table.get_symbol_by_name(wanted) or ()
                    if any(symbol["st_shndx"] != "SHN_UNDEF" for symbol in symbols):
                        return True
    except ELFError:
        return False
    return False
