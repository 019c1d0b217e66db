"""Checking a wheel that cannot run here: every compiled object in it is read and held against the target."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.target import Target
from wheelyard.targets import platforms
from wheelyard.targets.platforms import Platform
from wheelyard.wheels.objects import macho
from wheelyard.wheels.objects.model import NotAnObjectError, Object

_MAX_OBJECT = 2 << 30
_MODULE = re.compile(r"(?:^|/)([A-Za-z_]\w*)\.(?:cpython-\d+\w*-[\w-]+|abi3t?)\.so$")
_MAC_SYSTEM = ("/usr/lib/", "/System/Library/")
_GLIBC = re.compile(
    r"(?:libc\.so\.6|lib(?:m|mvec)\.so\.[16]|lib(?:dl|util|resolv|nsl|anl)\.so\.[12]|librt\.so\.1|libpthread\.so\.0"
    r"|lib(?:gcc_s|z|expat)\.so\.1|libstdc\+\+\.so\.6|libatomic\.so\.1|ld-linux[\w-]*\.so\.\d|ld64\.so\.\d"
    r"|lib(?:X11|Xext|Xrender|ICE|SM|GL)\.so\.[126]|lib(?:gobject|gthread|glib)-2\.0\.so\.0)"
)
_MUSL = re.compile(r"(?:libc\.musl-\w+\.so\.1|libc\.so|libz\.so\.1|ld-musl-\w+\.so\.1)")
_LINKER_MADE = re.compile(
    r"dyld_stub_binder|_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__gmon_start__|_ITM_\w+|__cxa_finalize"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsCheck:
    """What reading a wheel's objects came to."""

    objects: int
    faults: tuple[str, ...]


def objects(wheel: Path) -> Iterator[tuple[str, Object]]:
    """Yield the objects of a wheel by the member that they are in; a universal one counts for each CPU.

    :raises NotAnObjectError: if one is damaged.
    """
    # late: pyelftools is large, and a run that has nothing to do reads no object
    from wheelyard.wheels.objects import elf

    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                head = stream.read(8)
                if member.file_size > _MAX_OBJECT or not (elf.is_elf(head) or macho.is_macho(head)):
                    continue
                content = head + stream.read()
            if elf.is_elf(head):
                yield member.filename, elf.read(content)
            else:
                try:
                    found = macho.read(content)
                except NotAnObjectError:
                    if member.filename.endswith((".so", ".dylib")):
                        raise
                    continue  # a Java class begins like a universal Mach-O
                yield from ((member.filename, each) for each in found)


def check(
    wheel: Path,
    target: Target,
    *,
    python: Collection[str] | None = None,
    system: Collection[str] | None = None,
) -> ObjectsCheck:
    """Return what keeps a wheel's objects from being loaded on a target.

    Each must be for the CPU (for both, on ``universal2``), need no newer macOS or glibc, be linked only with the
    system's libraries or ones in the wheel, have no text relocations, a valid signature where it has one, and a
    ``PyInit_*`` if it is a module. What a universal file has for other CPUs is not looked at.

    :param python: names that the target's Python exports; None: undefined symbols are not looked at.
    :param system: names that its C library exports; None: those with a version are the system's.
    """
    platform = platforms.parse(target.platform)
    try:
        every = list(objects(wheel))
    except NotAnObjectError as error:
        return ObjectsCheck(objects=0, faults=(f"an object is damaged: {error}",))
    faults = list(other_cpus(every, platform))
    inside = {name for name, _ in every}
    for cpu in platform.cpus:
        found = [(name, each) for name, each in every if each.cpu == cpu]
        behind = f" ({cpu})" if len(platform.cpus) > 1 else ""
        for name, each in found:
            faults += (f"{name}{behind} {fault}" for fault in _faults(name, each, platform, inside))
        if python is not None:
            faults += (f"{name}{behind} {fault}" for name, fault in _undefined(found, platform, python, system))
    return ObjectsCheck(objects=sum(each.cpu in platform.cpus for _, each in every), faults=tuple(faults))


def other_cpus(found: Sequence[tuple[str, Object]], platform: Platform) -> Iterator[str]:
    """Yield a fault for each file that has nothing for a CPU of the platform."""
    cpus: dict[str, list[str]] = {}
    for name, each in found:
        cpus.setdefault(name, []).append(each.cpu)
    for name, there in cpus.items():
        if not set(platform.cpus) <= set(there):
            yield f"{name} is for {' and '.join(there)}{' only' if set(platform.cpus) & set(there) else ''}"


def _faults(name: str, each: Object, platform: Platform, inside: Collection[str]) -> Iterator[str]:
    mac = platform.family == "macosx"
    if each.format != ("Mach-O" if mac else "ELF"):
        yield f"is {each.format}"
        return
    newest = max(platform.version, (11, 0)) if each.cpu == "arm64" else platform.version
    if each.minimum and platform.family in ("macosx", "manylinux") and each.minimum > newest:
        yield f"needs {'macOS' if mac else 'glibc'} {each.minimum[0]}.{each.minimum[1]}"
    if platform.family == "musllinux" and each.minimum:
        yield "needs glibc"
    for library in each.libraries:
        if not _is_there(library, name, each, platform, inside):
            yield f"needs {library}, which is neither the system's nor in the wheel"
    for path in each.run_paths:
        if path and not path.startswith(("@loader_path", "@executable_path", "$ORIGIN", "${ORIGIN}")):
            yield f"looks for libraries in {path}"
    if each.text_relocations:
        yield "has text relocations"
    if each.signature == "broken" or (mac and each.cpu == "arm64" and each.signature == "none"):
        yield f"has {'a broken' if each.signature == 'broken' else 'no'} signature"
    module = _MODULE.search(name)
    if module and f"PyInit_{module[1]}" not in each.exported:
        yield f"exports no PyInit_{module[1]}"


def _is_there(library: str, name: str, each: Object, platform: Platform, inside: Collection[str]) -> bool:
    if platform.family != "macosx":
        known = _MUSL if platform.family == "musllinux" else _GLIBC
        return known.fullmatch(library) is not None or any(path.rpartition("/")[2] == library for path in inside)
    if library.startswith(_MAC_SYSTEM):
        return True
    folder = posixpath.dirname(name)
    places = [library]
    if library.startswith("@rpath/"):
        places = [f"{path}/{library[7:]}" for path in each.run_paths]
    resolved = (posixpath.normpath(place.replace("@loader_path", folder, 1)) for place in places if place[:1] == "@")
    return any(place.lstrip("/") in inside for place in resolved)


def _undefined(
    found: Sequence[tuple[str, Object]], platform: Platform, python: Collection[str], system: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the files with symbols that nobody brings: neither Python, nor the system, nor an object of the wheel."""
    own = {symbol for _, each in found for symbol in each.exported}
    for name, each in found:
        lost = sorted(
            symbol
            for symbol, source in each.undefined.items()
            if symbol not in python
            and symbol not in own
            and not _LINKER_MADE.fullmatch(symbol)
            and not _is_systems(symbol, source, platform, system)
        )
        if lost:
            more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
            yield name, f"uses {', '.join(lost[:5])}{more}, which neither Python nor the system has"


def _is_systems(symbol: str, source: str | None, platform: Platform, system: Collection[str] | None) -> bool:
    if platform.family == "macosx":
        # Bound to a library of the system that we have no list of (libc++, a framework): the linker had it.
        if source is not None and source.startswith(_MAC_SYSTEM) and not source.startswith("/usr/lib/libSystem"):
            return True
        plain = symbol.partition("$")[0]
        return system is None or symbol in system or plain in system
    if system is not None:
        return symbol in system
    return source is not None


def describe(checked: Mapping[str, ObjectsCheck]) -> str:
    """Return what was read, in words; ``checked`` by file name."""
    compiled = {name: each for name, each in checked.items() if each.objects}
    count = sum(outcome.objects for outcome in compiled.values())
    text = f"checked, not run: {count} objects in {len(compiled)} wheels"
    faults = [f"{name}: {fault}" for name, each in checked.items() for fault in each.faults]
    if not faults:
        return text
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"{text}; remarks: {'; '.join(faults[:3])}{more}"
