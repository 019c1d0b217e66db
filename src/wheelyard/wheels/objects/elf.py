"""Reading ELF: what an object needs of its host."""

from __future__ import annotations

import io
import re

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import SymbolTableSection

from wheelyard.wheels.objects.model import NotAnObjectError, Object

_CPUS = {
    "EM_X86_64": "x86_64",
    "EM_AARCH64": "aarch64",
    "EM_386": "i686",
    "EM_ARM": "armv7l",
    "EM_S390": "s390x",
    "EM_RISCV": "riscv64",
    "EM_LOONGARCH": "loongarch64",
}
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_TEXT_RELOCATIONS = 0x4


def is_elf(head: bytes) -> bool:
    """Whether a file that begins so is an ELF object."""
    return head.startswith(b"\x7fELF")


def read(content: bytes) -> Object:
    """Return what an object says of itself.

    :raises NotAnObjectError: if it is damaged, or nothing that is loaded at run time.
    """
    try:
        elf = ELFFile(io.BytesIO(content))
        return _read(elf)
    except (ELFError, KeyError, ValueError, AssertionError, UnicodeDecodeError, OverflowError) as error:
        raise NotAnObjectError(f"damaged ELF: {error}") from error


def _read(elf: ELFFile) -> Object:
    machine = elf["e_machine"]
    cpu = _CPUS.get(machine) or ("ppc64le" if machine == "EM_PPC64" and elf.little_endian else str(machine))
    libraries, run_paths, name, text_relocations = [], [], None, False
    dynamic = elf.get_section_by_name(".dynamic")
    if isinstance(dynamic, DynamicSection):
        for tag in dynamic.iter_tags():
            match tag.entry.d_tag:
                case "DT_NEEDED":
                    libraries.append(_text(tag, "needed"))
                case "DT_SONAME":
                    name = _text(tag, "soname")
                case "DT_RPATH" | "DT_RUNPATH":
                    run_paths += _text(tag, "rpath" if tag.entry.d_tag == "DT_RPATH" else "runpath").split(":")
                case "DT_TEXTREL":
                    text_relocations = True
                case "DT_FLAGS":
                    text_relocations = text_relocations or bool(tag.entry.d_val & _TEXT_RELOCATIONS)
    versions = _versions(elf)
    undefined, exported = _symbols(elf, versions)
    glibc = [(int(match[1]), int(match[2])) for version in versions.values() if (match := _GLIBC.fullmatch(version))]
    return Object(
        format="ELF",
        cpu=cpu,
        libraries=tuple(libraries),
        run_paths=tuple(run_paths),
        name=name,
        minimum=max(glibc, default=None),
        undefined=undefined,
        exported=frozenset(exported),
        text_relocations=text_relocations,
    )


def _text(tag: DynamicTag, attribute: str) -> str:
    """Return the text of an entry, which the library has as an attribute of the entry's own name."""
    return str(getattr(tag, attribute))


def _versions(elf: ELFFile) -> dict[int, str]:
    """Return the versions that are needed, by their number in the version table."""
    needs = elf.get_section_by_name(".gnu.version_r")
    if not isinstance(needs, GNUVerNeedSection):
        return {}
    return {aux["vna_other"]: str(aux.name) for _, auxes in needs.iter_versions() for aux in auxes}


def _symbols(elf: ELFFile, versions: dict[int, str]) -> tuple[dict[str, str | None], set[str]]:
    undefined: dict[str, str | None] = {}
    exported: set[str] = set()
    symbols, table = elf.get_section_by_name(".dynsym"), elf.get_section_by_name(".gnu.version")
    if isinstance(symbols, SymbolTableSection):
        for number, symbol in enumerate(symbols.iter_symbols()):
            binding = symbol["st_info"]["bind"]
            if not symbol.name or binding == "STB_LOCAL":
                continue
            if symbol["st_shndx"] != "SHN_UNDEF":
                exported.add(symbol.name)
            elif binding != "STB_WEAK":
                index = table.get_symbol(number)["ndx"] if isinstance(table, GNUVerSymSection) else None
                undefined[symbol.name] = versions.get(index) if isinstance(index, int) else None
    return undefined, exported
