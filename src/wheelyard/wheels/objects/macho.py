"""A reader of Mach-O: thin and universal, 64-bit. Every number is checked before it is used as a place."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from wheelyard.wheels.objects.model import NotAnObjectError, Object

_FAT, _FAT64, _THIN = 0xCAFEBABE, 0xCAFEBABF, 0xFEEDFACF
_CPUS = {0x01000007: "x86_64", 0x0100000C: "arm64"}
_MAX_SLICES = 16
_MAX_COMMANDS = 10_000
_LC_SYMTAB, _LC_ID, _LC_SEGMENT = 0x2, 0xD, 0x19
_LC_SIGNATURE, _LC_MINIMUM, _LC_BUILD = 0x1D, 0x24, 0x32
_LC_RPATH = 0x8000001C
_LC_LIBRARIES = (0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023)
_RELOCATED = 0x300
"""S_ATTR_EXT_RELOC | S_ATTR_LOC_RELOC: the loader has to write into the section."""


def is_macho(head: bytes) -> bool:
    """Whether a file that begins so can be a Mach-O; a Java class begins like a universal one, but is refused later."""
    return len(head) >= 8 and (
        struct.unpack("<I", head[:4])[0] == _THIN
        or (struct.unpack(">I", head[:4])[0] in (_FAT, _FAT64) and struct.unpack(">I", head[4:8])[0] <= _MAX_SLICES)
    )


def read(content: bytes) -> tuple[Object, ...]:
    """Return the objects of a file, one a CPU.

    :raises NotAnObjectError: if it is no Mach-O, or a damaged one.
    """
    try:
        return tuple(_MachoReader(image).object() for image in slices(content).values())
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnObjectError(f"damaged Mach-O: {error}") from error


def slices(content: bytes) -> Mapping[str, bytes]:
    """Return the parts of a universal file by CPU, those for Intel and ARM with 64 bits; of a thin one, itself.

    :raises NotAnObjectError: if it is no Mach-O, or none for such a CPU.
    """
    try:
        found = {_cpu(part): part for part in _parts(content)}
    except struct.error as error:
        raise NotAnObjectError(f"damaged Mach-O: {error}") from error
    if not found:
        raise NotAnObjectError("it has nothing for 64-bit Intel or ARM")
    return found


def _cpu(part: bytes) -> str:
    magic, cpu = struct.unpack_from("<II", part)
    if magic != _THIN or cpu not in _CPUS:
        raise NotAnObjectError("not a 64-bit Mach-O for Intel or ARM")
    return _CPUS[cpu]


def _parts(content: bytes) -> Iterator[bytes]:
    (magic,) = struct.unpack_from(">I", content)
    if magic not in (_FAT, _FAT64):
        yield content
        return
    (count,) = struct.unpack_from(">I", content, 4)
    if count > _MAX_SLICES:
        raise NotAnObjectError("not a universal file")
    form = ">IIIII" if magic == _FAT else ">IIQQII"
    for number in range(count):
        cpu, _, offset, size, *_ = struct.unpack_from(form, content, 8 + number * struct.calcsize(form))
        if offset + size > len(content):
            raise NotAnObjectError("a part of it lies outside of it")
        if cpu not in _CPUS:
            continue  # for Macs of long ago
        part = content[offset : offset + size]
        if _cpu(part) != _CPUS[cpu]:
            raise NotAnObjectError(f"the part for {_CPUS[cpu]} is for {_cpu(part)}")
        yield part


@dataclass(slots=True)
class _MachoReader:
    content: bytes

    def object(self) -> Object:
        _, cpu, _, _, count, size, _ = struct.unpack_from("<IIIIIII", self.content)
        if count > _MAX_COMMANDS or 32 + size > len(self.content):
            raise NotAnObjectError("more load commands than it has room for")
        libraries: list[str] = []
        run_paths: list[str] = []
        name: str | None = None
        minimum: tuple[int, int] | None = None
        symbols: tuple[int, ...] = ()
        signature: Literal["none", "valid", "broken"] = "none"
        relocated = False
        for command, at in self._commands(count):
            if command in _LC_LIBRARIES:
                libraries.append(self._text(at))
            elif command == _LC_ID:
                name = self._text(at)
            elif command == _LC_RPATH:
                run_paths.append(self._text(at))
            elif command in (_LC_MINIMUM, _LC_BUILD):
                (version,) = struct.unpack_from("<I", self.content, at + (8 if command == _LC_MINIMUM else 12))
                minimum = (version >> 16, version >> 8 & 0xFF)
            elif command == _LC_SYMTAB:
                symbols = struct.unpack_from("<IIII", self.content, at + 8)
            elif command == _LC_SIGNATURE:
                offset, length = struct.unpack_from("<II", self.content, at + 8)
                signature = "valid" if self._signed(offset, length) else "broken"
            elif command == _LC_SEGMENT:
                relocated = relocated or self._relocated(at)
        undefined, exported = self._symbols(symbols, libraries)
        return Object(
            format="Mach-O",
            cpu=_CPUS[cpu],
            libraries=tuple(libraries),
            run_paths=tuple(run_paths),
            name=name,
            minimum=minimum,
            undefined=undefined,
            exported=frozenset(exported),
            text_relocations=relocated,
            signature=signature,
        )

    def _commands(self, count: int) -> Iterator[tuple[int, int]]:
        at = 32
        for _ in range(count):
            command, size = struct.unpack_from("<II", self.content, at)
            if size < 8 or at + size > len(self.content):
                raise NotAnObjectError("a load command of impossible size")
            yield command, at
            at += size

    def _text(self, at: int) -> str:
        size, offset = struct.unpack_from("<II", self.content, at + 4)
        return self.content[at + offset : at + size].partition(b"\0")[0].decode("utf-8")

    def _relocated(self, at: int) -> bool:
        """Whether a segment is code that the loader must change."""
        if self.content[at + 8 : at + 24].rstrip(b"\0") != b"__TEXT":
            return False
        (count,) = struct.unpack_from("<I", self.content, at + 64)
        flags = (struct.unpack_from("<I", self.content, at + 72 + number * 80 + 64)[0] for number in range(count))
        return any(flag & _RELOCATED for flag in flags)

    def _symbols(self, table: tuple[int, ...], libraries: list[str]) -> tuple[dict[str, str | None], set[str]]:
        """Return what others must bring, and from where; and what this one brings."""
        undefined: dict[str, str | None] = {}
        exported: set[str] = set()
        if not table:
            return undefined, exported
        offset, count, strings, size = table
        if offset + count * 16 > len(self.content) or strings + size > len(self.content):
            raise NotAnObjectError("its symbols lie outside of it")
        for place, kind, _, described, value in struct.iter_unpack(
            "<IBBHQ", self.content[offset : offset + count * 16]
        ):
            if kind & 0xE0 or not kind & 0x01:  # for debuggers, or private
                continue
            start = strings + place
            text = self.content[start : self.content.index(b"\0", start)].decode("utf-8", "replace")
            name = text.removeprefix("_")
            if kind & 0x0E == 0 and value == 0:
                ordinal = described >> 8
                undefined[name] = libraries[ordinal - 1] if 0 < ordinal <= len(libraries) else None
                if described & 0x40:  # N_WEAK_REF: may be absent
                    del undefined[name]
            elif not kind & 0x10:
                exported.add(name)
        return undefined, exported

    def _signed(self, offset: int, length: int) -> bool:
        """Whether every page has the hash that the signature says (the SHA-256 of an embedded code directory)."""
        blob = self.content[offset : offset + length]
        magic, _, count = struct.unpack_from(">III", blob)
        if magic != 0xFADE0CC0 or count > 32:
            return False
        checked = False
        for number in range(count):
            _, place = struct.unpack_from(">II", blob, 12 + number * 8)
            (magic,) = struct.unpack_from(">I", blob, place)
            if magic != 0xFADE0C02:
                continue
            hashes, _, _, slots, limit = struct.unpack_from(">IIIII", blob, place + 16)
            size, kind, _, page = struct.unpack_from(">BBBB", blob, place + 36)
            if kind != 2 or size != 32 or not 12 <= page <= 16 or limit > offset:
                return False
            if slots != (limit + (1 << page) - 1) >> page:
                return False
            for slot in range(slots):
                begin = slot << page
                digest = hashlib.sha256(self.content[begin : min(begin + (1 << page), limit)]).digest()
                at = place + hashes + slot * 32
                if blob[at : at + 32] != digest:
                    return False
            checked = True
        return checked
