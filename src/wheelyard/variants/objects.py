"""What instructions an object file really has: the level of each function, read out of its disassembly (x86-64)."""

from __future__ import annotations

import bisect
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from wheelyard.doors import run as door
from wheelyard.errors import ToolError, VariantError, WheelError
from wheelyard.variants import simd

_WINDOW = 1 << 20
"""Bytes of code disassembled at a time: about 20 MB of text."""

# As objdump writes them (AT&T). A compiler writes tzcnt as `rep bsf` for any CPU, so it tells nothing; pextrw is SSE2.
_LEVELS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (4, re.compile(r"%zmm|%k[1-7]\b|%[xy]mm(?:1[6-9]|2\d|3[01])\b")),
    (
        3,
        re.compile(
            r"%ymm|\tv(?!err|erw|mcall|mlaunch|mresume|mxo)[a-z0-9]+ |"
            r"\t(?:shlx|sarx|shrx|rorx|mulx|pdep|pext|bzhi|andn|blsr|blsi|blsmsk|bextr|lzcnt|movbe)[a-z]? "
        ),
    ),
    (
        2,
        re.compile(
            r"\t(?:popcnt|crc32|pshufb|palignr|pabs[bwd]|ph(?:add|sub)|psign|pmaddubsw|pmulhrsw|"
            r"(?:h(?:add|sub)|addsub)p[sd]|mov(?:ddup|s[hl]dup|ntdqa)|lddqu|round[sp][sd]|p?blend|dpp[sd]|ptest|"
            r"pmov[sz]x|packusdw|insertps|extractps|pinsr[bdq]|pextr[bdq]|pcmp(?:eq|gt)q|pcmp[ei]str|mpsadbw|"
            r"phminposuw|pm(?:in|ax)(?:s[bd]|u[wd])|pmulld|pmuldq|cmpxchg16b)"
        ),
    ),
)
_FUNCTION = re.compile(r"^([0-9a-f]{8,}) <(.+?)(?:[+-]0x[0-9a-f]+)?>:$", re.MULTILINE)


_RUNTIME = frozenset({"deregister_tm_clones", "register_tm_clones", "frame_dummy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCode:
    """The psABI levels that an object's functions need."""

    name: str
    levels: Mapping[int, tuple[str, ...]]
    """Functions of the package itself by level (1 to 4), names in order; dispatched ones and a BLAS's are not here."""
    dispatched: Mapping[int, int]
    """How many functions of each level are called only after asking the CPU."""
    named: bool
    """Whether the object still has its symbols; without them no function can be told from another."""

    @property
    def highest(self) -> int:
        """The highest level that the package's own functions need."""
        return max((level for level, names in self.levels.items() if names), default=1)


def inspect(
    path: Path,
    *,
    name: str = "",
    dispatched: Sequence[re.Pattern[str]] = (),
    static: re.Pattern[str] | None = None,
) -> ObjectCode:
    """Disassemble an ELF object of x86-64 and return what level each function needs.

    :param dispatched: functions that are called only after asking the CPU, by their own name or their source file's.
    :param static: the global functions of a BLAS that was linked statically. It comes behind the package's own code,
        as libraries do on a linker's command line, so everything from its first function on is counted as dispatched.
    :raises ToolError: if there is no objdump.
    :raises WheelError: if it is not an ELF object.
    """
    program = shutil.which("objdump")
    if program is None:
        raise ToolError("objdump is not installed", hint="install binutils: instruction levels are read with it")
    try:
        with path.open("rb") as stream:
            layout = _layout(ELFFile(stream), static)
    except (ELFError, OSError) as error:
        raise WheelError(f"not a readable ELF object: {error}", where=name or path.name) from error
    # Without symbols, code is named after whatever exported function lies before it: that tells nothing.
    patterns = (*dispatched, *((static,) if static else ())) if layout.named else ()
    own: dict[int, set[str]] = {1: set(), 2: set(), 3: set(), 4: set()}
    behind = dict.fromkeys(own, 0)
    for start, stop in _windows(layout):
        for address, function, level in _functions(program, path, start, stop):
            names = (function, layout.sources.get(address, function))
            if any(pattern.search(name) for pattern in patterns for name in names):
                behind[level] += 1
            else:
                own[level].add(function)
    return ObjectCode(
        name=name or path.name,
        levels={level: tuple(sorted(names)) for level, names in own.items()},
        dispatched=behind,
        named=layout.named,
    )


def faults(objects: Sequence[ObjectCode], level: str) -> tuple[str, ...]:
    """Return what is wrong with a wheel's objects for the level that was asked for; nothing if they keep to it.

    Nothing may need more than was asked for, and from x86-64-v3 on something must use it. A baseline may use
    x86-64-v2, which several packages take for granted.
    """
    ceiling = max(2, simd.psabi_level(level))
    found = []
    for each in objects:
        above = [name for number, names in each.levels.items() if number > ceiling for name in names]
        if above and each.named:
            shown = ", ".join(above[:3]) + (f" and {len(above) - 3} more" if len(above) > 3 else "")
            found.append(f"{each.name} needs x86-64-v{each.highest} in {shown}")
        elif above:
            found.append(f"{each.name} needs x86-64-v{each.highest}, and has no symbols to tell where")
    if ceiling >= 3 and objects and not any(each.levels[3] or each.levels[4] for each in objects):
        found.append(f"no function uses AVX2 or FMA: the flags of {level} did not reach the compiler")
    return tuple(found)


def check(objects: Sequence[ObjectCode], level: str, where: str) -> None:
    """Refuse objects that do not keep to a level.

    :raises VariantError: naming objects and functions.
    """
    if wrong := faults(objects, level):
        raise VariantError(
            f"the object code is not {level}: {'; '.join(wrong)}",
            where=where,
            hint="if these functions are called only after asking the CPU, name them in dispatched of a [[recipe]]",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the code of an object lies. Addresses are those of its virtual memory."""

    ranges: Sequence[tuple[int, int]]
    end: int
    """Where a static library's code begins; else that of all."""
    sources: Mapping[int, str]
    """The source file of each local function, by its address."""
    starts: Sequence[int]
    """Where functions begin that have a name, in order."""
    named: bool
    """Whether local functions have names, too."""


def _layout(elf: ELFFile, static: re.Pattern[str] | None) -> _Layout:
    ranges = [
        (section["sh_addr"], section["sh_addr"] + section["sh_size"])
        for section in elf.iter_sections()
        if section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & 0x4 and section["sh_size"]
    ]
    end = max((stop for _, stop in ranges), default=0)
    table = elf.get_section_by_name(".symtab")
    symbols = table if isinstance(table, SymbolTableSection) else elf.get_section_by_name(".dynsym")
    functions = []
    if isinstance(symbols, SymbolTableSection):
        functions = [
            each for each in symbols.iter_symbols() if each["st_info"]["type"] == "STT_FUNC" and each["st_value"]
        ]
    if static is not None and functions:
        # Cold and start-up code of everybody is put before the rest, which begins with the C runtime's.
        begin = min((each["st_value"] for each in functions if each.name in _RUNTIME), default=0)
        foreign = (
            each["st_value"]
            for each in functions
            if each["st_info"]["bind"] == "STB_GLOBAL" and each["st_value"] > begin and static.search(each.name)
        )
        end = min(foreign, default=end)
    return _Layout(
        ranges=ranges,
        end=end,
        sources=_sources(table),
        starts=sorted({each["st_value"] for each in functions}),
        named=isinstance(table, SymbolTableSection),
    )


def _sources(table: object) -> dict[int, str]:
    """Return the source file of each local function by its address: in a symbol table they stand behind their file."""
    found: dict[int, str] = {}
    if isinstance(table, SymbolTableSection):
        source = ""
        for symbol in table.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FILE":
                source = symbol.name
            elif symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_info"]["bind"] == "STB_LOCAL" and source:
                found[symbol["st_value"]] = source
    return found


def _windows(layout: _Layout) -> Iterator[tuple[int, int]]:
    """Yield pieces of code that begin where a function does: read from its middle, it has no source and no sense."""
    for start, stop in layout.ranges:
        begin, last = start, min(stop, layout.end)
        while begin < last:
            following = bisect.bisect_left(layout.starts, begin + _WINDOW)
            cut = layout.starts[following] if following < len(layout.starts) else last
            if cut > begin + 4 * _WINDOW:  # nothing has a name there
                cut = begin + _WINDOW
            yield begin, min(cut, last)
            begin = cut


def _functions(program: str, path: Path, start: int, stop: int) -> Iterator[tuple[int, str, int]]:
    """Yield address, name and level of each function."""
    done = door.run(
        [program, "-d", "--no-show-raw-insn", f"--start-address={start:#x}", f"--stop-address={stop:#x}", path],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        timeout=300,
    )
    if done.returncode != 0:
        raise ToolError(f"objdump failed: {done.errors.strip()[-300:]}", where=path.name)
    parts = _FUNCTION.split(done.output)
    for address, name, code in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield int(address, 16), name, _level(code)


def _level(code: str) -> int:
    return next((level for level, pattern in _LEVELS if pattern.search(code)), 1)
