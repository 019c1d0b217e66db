"""Platform tags: what they say, and which older ones a host accepts beside its own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from packaging.tags import mac_platforms

from wheelyard.domain.errors import ConfigError

Family: TypeAlias = Literal["manylinux", "musllinux", "macosx", "linux", "windows"]

LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""PEP 513, PEP 571 and PEP 599: the glibc that each legacy name stands for."""

_LEGACY_NAME = {glibc: name for name, glibc in LEGACY_GLIBC.items()}
_LINUX_CPUS = ("x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64")
_MACOS_CPUS = ("x86_64", "arm64", "universal2")
_MUSL_CPUS = _LINUX_CPUS
_WINDOWS = {"win_amd64": "amd64", "win_arm64": "arm64", "win32": "x86"}
"""The tags of Windows, by the CPU as Windows calls it: they have no version."""
UNIVERSAL2 = ("x86_64", "arm64")
"""What ``universal2`` stands for, in the order that such files have."""
_VERSIONED = re.compile(r"(manylinux|musllinux|macosx)_(\d{1,4})_(\d{1,4})_([a-z0-9_]+)")
_LEGACY = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_([a-z0-9_]+)")
_PLAIN = re.compile(r"linux_([a-z0-9_]+)")
_INTEL = ("x86_64", "i686")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A platform tag taken apart."""

    family: Family
    cpu: str
    version: tuple[int, int] = (0, 0)
    """Of glibc (manylinux), musl (musllinux) or macOS; (0, 0) for plain ``linux_*`` and Windows."""

    @property
    def tag(self) -> str:
        """The tag, by its PEP 600 name where it has two."""
        if self.family == "linux":
            return f"linux_{self.cpu}"
        if self.family == "windows":
            return next(tag for tag, cpu in _WINDOWS.items() if cpu == self.cpu)
        return f"{self.family}_{self.version[0]}_{self.version[1]}_{self.cpu}"

    @property
    def cpus(self) -> tuple[str, ...]:
        """The CPUs that compiled code must be there for: both kinds of Mac's for ``universal2``."""
        return UNIVERSAL2 if self.cpu == "universal2" else (self.cpu,)


def parse(tag: str) -> Platform:
    """Take a platform tag apart; the legacy manylinux names are understood (PEP 600 lists what they stand for).

    :raises ConfigError: if it is none that a target can have; the nearest one is named.
    """
    platform: Platform | None = None
    if match := _VERSIONED.fullmatch(tag):
        family, major, minor, cpu = match.groups()
        assert family in ("manylinux", "musllinux", "macosx")  # noqa: S101  (what the expression allows)
        platform = Platform(family=family, cpu=cpu, version=(int(major), int(minor)))  # type: ignore[arg-type]
    elif match := _LEGACY.fullmatch(tag):
        platform = Platform(family="manylinux", cpu=match[2], version=LEGACY_GLIBC[match[1]])
    elif match := _PLAIN.fullmatch(tag):
        platform = Platform(family="linux", cpu=match[1])
    elif tag in _WINDOWS:
        platform = Platform(family="windows", cpu=_WINDOWS[tag])
    if platform is None or not _exists(platform):
        raise ConfigError(f"unknown platform tag {tag!r}", hint=f"did you mean {nearest(tag)!r}?")
    return platform


def _exists(platform: Platform) -> bool:
    major, minor = platform.version
    match platform.family:
        case "manylinux":
            oldest = 5 if platform.cpu in _INTEL else 17
            return platform.cpu in _LINUX_CPUS and major == 2 and oldest <= minor <= 99
        case "musllinux":
            return platform.cpu in _MUSL_CPUS and major == 1 and minor <= 9
        case "macosx":
            if platform.cpu not in _MACOS_CPUS:
                return False
            return (major == 10 and 4 <= minor <= 16 and platform.cpu != "arm64") or 11 <= major <= 99
        case "linux":
            return platform.cpu in _LINUX_CPUS
        case "windows":
            return platform.cpu in _WINDOWS.values()


def nearest(tag: str) -> str:
    """Return the platform tag, of those in use, that looks most like ``tag``."""
    known = list(_in_use())
    close = difflib.get_close_matches(tag.lower().replace(".", "_").replace("-", "_"), known, n=1, cutoff=0.0)
    return close[0]


def _in_use() -> Iterator[str]:
    for cpu in _LINUX_CPUS:
        for minor in (28, 34, 17, 31, 35, 36, 39, 41, 12, 5):
            if _exists(platform := Platform(family="manylinux", cpu=cpu, version=(2, minor))):
                yield platform.tag
        yield f"manylinux2014_{cpu}"
        yield f"musllinux_1_2_{cpu}"
        yield f"musllinux_1_1_{cpu}"
        yield f"linux_{cpu}"
    for minor in (9, 13, 15):
        yield f"macosx_10_{minor}_x86_64"
    for major in range(11, 16):
        yield from (f"macosx_{major}_0_{cpu}" for cpu in ("arm64", "x86_64", "universal2"))
    yield from ("macosx_26_0_arm64", "macosx_26_0_x86_64")
    yield from _WINDOWS


def accepted(platform: Platform) -> Iterator[str]:
    """Yield every platform tag that a host accepts, best first, without the plain ``linux_*`` (PEP 600, 656, 425)."""
    major, minor = platform.version
    match platform.family:
        case "manylinux":
            oldest = 5 if platform.cpu in _INTEL else 17
            for release in range(minor, oldest - 1, -1):
                yield f"manylinux_2_{release}_{platform.cpu}"
                if legacy := _LEGACY_NAME.get((2, release)):
                    yield f"{legacy}_{platform.cpu}"
        case "musllinux":
            yield from (f"musllinux_{major}_{older}_{platform.cpu}" for older in range(minor, -1, -1))
        case "macosx":
            # No Mac is a "universal2" machine: the word says that both kinds must be served, so only what both take.
            if platform.cpu == "universal2":
                yield from (tag for tag in mac_platforms(platform.version, "arm64") if tag.endswith("universal2"))
            else:
                yield from mac_platforms(platform.version, platform.cpu)
        case "windows":
            yield platform.tag
        case "linux":
            return


def compiles_for(here: Platform, there: Platform) -> bool:
    """Whether a machine's own compiler makes code for a platform, its C library aside: Apple's does for every Mac.

    For Windows nothing here compiles.
    """
    if "windows" in (here.family, there.family):
        return False
    if "macosx" in (here.family, there.family):
        return here.family == there.family
    return here.cpu == there.cpu
