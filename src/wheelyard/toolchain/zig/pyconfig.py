"""``pyconfig.h`` of another platform, from this machine's of the same Python.

What differs is known (sizes, byte order, feature macros), asked of the compiler (which headers there are) or read from
the lists of what each C library has (functions). What none of these tells is left as it is here: it is about how
Python itself was made, and no header of Python asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from wheelyard.targets.platforms import Platform

_MACRO = re.compile(
    r"/\*(?P<text>(?:(?!\*/).)*)\*/\n(?:#define (?P<on>\w+)(?P<value>[^\n]*)|/\* #undef (?P<off>\w+) \*/)", re.DOTALL
)
_HEADER = re.compile(r"have the <([\w./-]+)> header")
_FUNCTION = re.compile(r"have(?: the)? [`'](\w+)'(?: function|\.|\(\))")
_BIG_ENDIAN = ("s390x", "ppc64")
_NOT_ON_MACOS = {
    *("_GNU_SOURCE", "_XOPEN_SOURCE", "_XOPEN_SOURCE_EXTENDED", "_POSIX_C_SOURCE", "MAJOR_IN_SYSMACROS"),
    *("PTHREAD_KEY_T_IS_COMPATIBLE_WITH_INT", "HAVE_EPOLL", "HAVE_EPOLL_CREATE1", "HAVE_GETRANDOM_SYSCALL"),
    *("HAVE_STAT_TV_NSEC", "HAVE_LINUX_VM_SOCKETS_H", "HAVE_GETHOSTBYNAME_R_6_ARG", "HAVE_LIBCRYPT"),
}
_ONLY_ON_MACOS = {"_DARWIN_C_SOURCE", "HAVE_STAT_TV_NSEC2", "HAVE_SOCKADDR_SA_LEN", "HAVE_BROKEN_SEM_GETVALUE"}
_ONLY_ON_MACOS |= {"HAVE_STRUCT_STAT_ST_BIRTHTIME", "HAVE_STRUCT_STAT_ST_FLAGS", "HAVE_STRUCT_STAT_ST_GEN"}
_ASSEMBLY = {"HAVE_GCC_ASM_FOR_X64", "HAVE_GCC_ASM_FOR_X87"}
_INTEL = ("x86_64", "i686")


def sizes(platform: Platform) -> dict[str, int]:
    """Return the ``SIZEOF_*`` and ``ALIGNOF_*`` that are not the same on every platform, in bytes."""
    mac, musl = platform.family == "macosx", platform.family == "musllinux"
    wide = 4 if platform.cpu in ("i686", "armv7l") else 8
    long_double = {"arm64": 8, "i686": 12, "armv7l": 8, "ppc64le": 8 if musl else 16}.get(platform.cpu, 16)
    names = ("LONG", "SIZE_T", "VOID_P", "UINTPTR_T", "PTHREAD_T")
    return {
        "ALIGNOF_LONG": wide,
        "ALIGNOF_SIZE_T": wide,
        "SIZEOF_LONG_DOUBLE": long_double,
        "SIZEOF_TIME_T": 8 if musl else wide,
        "SIZEOF_PTHREAD_KEY_T": 8 if mac else 4,
        "SIZEOF_FPOS_T": 8 if mac else 16,
        **{f"SIZEOF_{name}": wide for name in names},
    }


def headers(text: str) -> frozenset[str]:
    """Return the headers that a ``pyconfig.h`` has an opinion of: ``sys/epoll.h``."""
    return frozenset(_HEADER.findall(text))


def translated(
    text: str, platform: Platform, *, has_header: Callable[[str], bool], functions: Collection[str] | None
) -> str:
    """Return ``pyconfig.h`` for a platform.

    :param has_header: whether the platform has a header, of those that ``headers`` returns.
    :param functions: what its C library has; None: the same as this machine's.
    """
    known = _known(platform)

    def one(found: re.Match[str]) -> str:
        name = found["on"] or found["off"]
        value = (found["value"] or "").strip() or "1"
        wanted: str | None = value if found["on"] else None
        comment = " ".join(found["text"].split())
        if name in known:
            wanted = known[name]
        elif header := _HEADER.search(comment):
            wanted = "1" if has_header(header[1]) else None
        elif functions is not None and (function := _FUNCTION.search(comment)):
            wanted = "1" if function[1] in functions else None
        line = f"/* #undef {name} */" if wanted is None else f"#define {name} {wanted}"
        return f"/*{found['text']}*/\n{line}"

    result = _MACRO.sub(one, text)
    if platform.family == "macosx":
        # autoheader's block of system extensions would turn glibc's switches on again.
        result = re.sub(r"(?m)^# define (_GNU_SOURCE|_XOPEN_SOURCE)\b.*$", r"/* # undef \1 */", result)
    return result


def _known(platform: Platform) -> dict[str, str | None]:
    """Return the macros whose value the platform alone decides; None: not defined."""
    mac, big = platform.family == "macosx", platform.cpu in _BIG_ENDIAN
    known: dict[str, str | None] = {name: str(size) for name, size in sizes(platform).items()}
    known |= dict.fromkeys(_ASSEMBLY, "1" if platform.cpu in _INTEL else None)
    known["HAVE_GCC_ASM_FOR_MC68881"] = None
    known["DOUBLE_IS_LITTLE_ENDIAN_IEEE754"] = None if big else "1"
    known["DOUBLE_IS_BIG_ENDIAN_IEEE754"] = "1" if big else None
    known["WORDS_BIGENDIAN"] = "1" if big else None
    known["HAVE_GCC_UINT128_T"] = None if platform.cpu in ("i686", "armv7l") else "1"
    if mac:
        known |= dict.fromkeys(_NOT_ON_MACOS) | dict.fromkeys(_ONLY_ON_MACOS, "1")
    return known
