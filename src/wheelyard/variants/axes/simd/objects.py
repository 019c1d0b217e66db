"""What instructions an object file really has: the level of each function, read out of its disassembly (x86-64).

A function may need more than a level if the package calls it only after asking the CPU. Nothing in an object says so
for sure; what is believed without being told: somewhere in the wheel the CPU is asked (``cpuid``), and the function's
name, or its source file's, or its module's says for what CPU it is, or only such functions call it.
"""

from __future__ import annotations

import bisect
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section, Symbol, SymbolTableSection

from wheelyard.domain.errors import ToolError, VariantError, WheelError
from wheelyard.io import process as door
from wheelyard.variants.axes.simd import levels as simd

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
_LISTED = 6
"""Functions that are worth naming one by one."""
_FUNCTION = re.compile(r"^([0-9a-f]{8,}) <(.+?)(?:[+-]0x[0-9a-f]+)?>:$", re.MULTILINE)


_REFERENCE = re.compile(r"\b([0-9a-f]+) <([^>+]+)>$", re.MULTILINE)
_CLONE = re.compile(r"(?:\.(?:constprop|isra|lto_priv|part|cold)(?:\.\d+)?)+$")
"""What GCC writes behind the name of a function that it made a copy or a part of."""
_ASKS = re.compile(r"\t(?:cpuid|xgetbv)\b")
_ASKING = frozenset({"__cpu_model", "__cpu_indicator_init", "__cpu_features2", "__x86_get_cpuid_feature_leaf"})
"""What libraries tell of the CPU: libgcc and glibc."""
_POINTER, _GLOBAL_DATA, _RELATIVE = 1, 6, 8
"""R_X86_64_64, R_X86_64_GLOB_DAT and R_X86_64_RELATIVE of the psABI: the address of a function is taken."""
_RUNTIME = frozenset({"deregister_tm_clones", "register_tm_clones", "frame_dummy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCode:
    """The psABI levels that an object's functions need."""

    name: str
    levels: Mapping[int, tuple[str, ...]]
    """Functions of the package itself by level (1 to 4), names in order; kernels, dispatched ones and a BLAS's are not
    here."""
    dispatched: Mapping[int, int]
    """How many functions of each level are said to be called only after asking the CPU."""
    named: bool
    """Whether the object still has its symbols; without them no function can be told from another."""
    kernels: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Functions by level that say which CPU they are for, and those that only they call."""
    asks: bool = False
    """Whether it asks what the CPU is."""

    @property
    def needs(self) -> int:
        """The highest level of any function that nobody said to be dispatched."""
        return max(
            (level for counts in (self.levels, self.kernels) for level, names in counts.items() if names), default=1
        )

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

    :param dispatched: functions that are called only after asking the CPU, by their own name, their source file's or
        the object's.
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
    name = name or path.name
    functions: dict[int, _Function] = {}
    asks = layout.asks
    for start, stop in _windows(layout):
        for address, function, code in _functions(program, path, start, stop):
            asks = asks or bool(_ASKS.search(code))
            functions[address] = _Function(name=function, level=_level(code), calls=_references(code, layout))
    patterns = (*dispatched, *((static,) if static and layout.named else ()))
    behind = _with_helpers({at for at in functions if _says(layout, functions, at, name, patterns)}, functions, layout)
    known = (simd.KERNEL,)
    kernels = _with_helpers(
        {at for at in functions if at not in behind and _says(layout, functions, at, name, known)}, functions, layout
    )
    plain = functions.keys() - behind - kernels
    return ObjectCode(
        name=name,
        levels=_by_level(functions, plain),
        dispatched={level: sum(functions[at].level == level for at in behind) for level in (1, 2, 3, 4)},
        named=layout.named,
        kernels=_by_level(functions, kernels - behind),
        asks=asks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Function:
    name: str
    level: int
    calls: frozenset[int]
    """Addresses of functions that it calls, or takes the address of."""


def _says(
    layout: _Layout, functions: Mapping[int, _Function], address: int, name: str, patterns: Sequence[re.Pattern[str]]
) -> bool:
    """Whether a function's name, its source file's or the object's fits one of the patterns."""
    # Without symbols, code is named after whatever exported function lies before it: that tells nothing.
    own: tuple[str, ...] = ()
    if layout.named:
        function = functions[address].name
        own = (function, _CLONE.sub("", function), layout.sources.get(address, ""))
    return any(pattern.search(text) for pattern in patterns for text in (*own, name.rpartition("/")[2]) if text)


def _with_helpers(chosen: set[int], functions: Mapping[int, _Function], layout: _Layout) -> set[int]:
    """Return some functions with those that only they call, and those that only these call, and so on."""
    callers: dict[int, set[int]] = {}
    for address, function in functions.items():
        for called in function.calls - {address}:
            callers.setdefault(called, set()).add(address)
    helpers = set(chosen)
    waiting = [call for at in chosen for call in functions[at].calls]
    while waiting:
        at = waiting.pop()
        if at in functions and at not in helpers and at not in layout.pointed_to and callers[at] <= helpers:
            helpers.add(at)
            waiting += functions[at].calls
    return helpers


def _by_level(functions: Mapping[int, _Function], chosen: set[int]) -> dict[int, tuple[str, ...]]:
    return {
        level: tuple(sorted({functions[at].name for at in chosen if functions[at].level == level}))
        for level in (1, 2, 3, 4)
    }


def faults(objects: Sequence[ObjectCode], level: str) -> tuple[str, ...]:
    """Return what is wrong with a wheel's objects for the level that was asked for; nothing if they keep to it.

    Nothing may need more than was asked for, and from x86-64-v3 on something must use it.

    :param objects: all of a wheel: one may ask the CPU for another.
    """
    ceiling = simd.psabi_level(level)
    found = tuple(f"{each.name} needs {why}" for each, _, why in _above(objects, ceiling))
    if ceiling >= 3 and objects and not any(compiled.levels[3] or compiled.levels[4] for compiled in objects):
        found += (f"no function uses AVX2 or FMA: the flags of {level} did not reach the compiler",)
    return found


def too_high(objects: Sequence[ObjectCode], level: str) -> tuple[str, ...]:
    """Return what is wrong with a baseline's objects: what needs more than every host of the target has."""
    return tuple(f"{each.name} needs {why}" for each, _, why in _above(objects, simd.psabi_level(level)))


def settling(objects: Sequence[ObjectCode], level: str) -> tuple[str, ...]:
    """Return the patterns for ``dispatched`` that would let everything pass: functions, or objects without names."""
    found: dict[str, None] = {}
    for each, names, _ in _above(objects, simd.psabi_level(level)):
        bulk = not each.named or len(names) > _LISTED
        module = re.escape(each.name.rpartition("/")[2])
        found |= dict.fromkeys([module] if bulk else [f"^{re.escape(_CLONE.sub('', one))}$" for one in names])
    return tuple(found)


def _above(objects: Sequence[ObjectCode], ceiling: int) -> Iterator[tuple[ObjectCode, list[str], str]]:
    """Yield the objects that need more than a level, the functions of them that do, and both in words."""
    asked = any(compiled.asks for compiled in objects)
    for binary in objects:
        by_level = {
            number: [*binary.levels[number], *(() if asked else binary.kernels.get(number, ()))]
            for number in range(ceiling + 1, 5)
        }
        above = [name for names in by_level.values() for name in names]
        if not above:
            continue
        highest = max(number for number, names in by_level.items() if names)
        shown = ", ".join(above[:3]) + (f" and {len(above) - 3} more" if len(above) > 3 else "")
        where = f" in {shown}" if binary.named else ", and has no symbols to tell where"
        yield binary, above, f"x86-64-v{highest}{where}"


def check(objects: Sequence[ObjectCode], level: str, where: str) -> None:
    """Refuse objects that do not keep to a level.

    :raises VariantError: naming objects and functions.
    """
    if wrong := faults(objects, level):
        raise VariantError(
            f"the object code is not {level}: {'; '.join(wrong)}",
            where=where,
            hint="if these functions are called only after asking the CPU, name them: "
            "[packages.NAME] dispatched = [...], or dispatched of a [[recipe]]",
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
    addresses: Mapping[str, int]
    """Of functions, by name."""
    pointed_to: frozenset[int]
    """Functions that data points to: who calls them cannot be seen."""
    asks: bool
    """Whether it asks libraries what the CPU is."""


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
    asks = False
    if isinstance(symbols, SymbolTableSection):
        functions = [
            symbol
            for symbol in symbols.iter_symbols()
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_value"]
        ]
        asks = any(symbol.name.partition("@")[0] in _ASKING for symbol in symbols.iter_symbols())
    named = isinstance(table, SymbolTableSection)
    relocations = list(_relocations(elf))
    if static is not None and functions:
        begin = _first_of_text(elf, functions, relocations)
        foreign = (
            function["st_value"]
            for function in functions
            if function["st_info"]["bind"] == "STB_GLOBAL"
            and function["st_value"] > begin
            and static.search(function.name)
        )
        end = min(foreign, default=end)
    return _Layout(
        ranges=ranges,
        end=end,
        sources=_sources(table),
        starts=sorted({function["st_value"] for function in functions}),
        named=named,
        addresses={function.name: function["st_value"] for function in functions},
        pointed_to=frozenset(value for _, value in relocations),
        asks=asks,
    )


def _relocations(elf: ELFFile) -> Iterator[tuple[int, int]]:
    """Yield the places in data that get an address of the object itself, and that address."""
    for section in elf.iter_sections():
        if not isinstance(section, RelocationSection) or not section.is_RELA():
            continue
        symbols = elf.get_section(section["sh_link"])
        for relocation in section.iter_relocations():
            kind = relocation["r_info_type"]
            if kind == _RELATIVE:
                yield relocation["r_offset"], relocation["r_addend"]
            elif kind in (_POINTER, _GLOBAL_DATA) and isinstance(symbols, SymbolTableSection):
                value = symbols.get_symbol(relocation["r_info_sym"])["st_value"]
                if value:
                    yield relocation["r_offset"], value + relocation["r_addend"]


def _first_of_text(elf: ELFFile, functions: Sequence[Symbol], relocations: Sequence[tuple[int, int]]) -> int:
    """Return the address of the C runtime's own code, which the package's comes behind.

    Cold and start-up code of everybody is put before it. An object without symbols still says where the runtime's
    first destructor is: at the begin of ``.fini_array``.
    """
    known = [function["st_value"] for function in functions if function.name in _RUNTIME]
    if known:
        return int(min(known))
    section: Section | None = elf.get_section_by_name(".fini_array")
    place = section["sh_addr"] if section is not None else None
    return next((value for at, value in relocations if at == place), 0)


def _sources(table: object) -> dict[int, str]:
    """Return the source file of each local function by its address: in a symbol table they stand behind their file."""
    sources: dict[int, str] = {}
    if isinstance(table, SymbolTableSection):
        source = ""
        for symbol in table.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FILE":
                source = symbol.name
            elif symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_info"]["bind"] == "STB_LOCAL" and source:
                sources[symbol["st_value"]] = source
    return sources


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


def _functions(program: str, path: Path, start: int, stop: int) -> Iterator[tuple[int, str, str]]:
    """Yield address, name and disassembly of each function."""
    done = door.run(
        [program, "-d", "--no-show-raw-insn", f"--start-address={start:#x}", f"--stop-address={stop:#x}", path],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        timeout=300,
    )
    if done.returncode != 0:
        raise ToolError(f"objdump failed: {done.errors.strip()[-300:]}", where=path.name)
    parts = _FUNCTION.split(done.output)
    for address, name, code in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield int(address, 16), name, code


def _references(code: str, layout: _Layout) -> frozenset[int]:
    """Return the functions that a piece of code names: where it goes itself, or through the linkage table."""
    references = set()
    for address, name in _REFERENCE.findall(code):
        plain, at, _ = name.partition("@")
        references.add(layout.addresses.get(plain, 0) if at else int(address, 16))
    return frozenset(references)


def _level(code: str) -> int:
    return next((level for level, pattern in _LEVELS if pattern.search(code)), 1)
