"""Instruction levels: their names, the compiler flags that ask for them, and the CPUs that have them.

Names and flags are archspec's; nothing about a microarchitecture is written down here but the four psABI levels.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import archspec.cpu  # type: ignore[import-untyped]  # archspec carries no types
from archspec.cpu import Microarchitecture, UnsupportedMicroarchitecture

from wheelyard.domain.errors import ConfigError, VariantError

BASELINE = "baseline"
"""No choice: what the compiler does by itself, which every CPU of the target runs."""

X86_LEVELS: Mapping[str, tuple[str, ...]] = {
    "x86-64": (),
    "x86-64-v2": ("cx16", "lahf_lm", "popcnt", "ssse3", "sse4_1", "sse4_2"),
    "x86-64-v3": ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
"""What each psABI level adds to the one before it, in the words of ``/proc/cpuinfo``: ``abm`` there is LZCNT, and SSE3,
which v2 names too, comes with SSSE3. The same table is in ``host/machine.py``, which imports nothing of ours; a test
compares them."""

ARM_LEVELS: Mapping[str, tuple[str, ...]] = {
    "8.1": ("asimdrdm", "atomics"),
    "8.2": ("dcpop",),
    "8.3": ("fcma", "jscvt", "lrcpc"),
    "8.4": ("asimddp", "dit", "flagm", "ilrcpc", "uscat"),
    "8.5": ("flagm2", "frint", "sb"),
    "8.6": ("bf16", "i8mm"),
    "9.0": ("sve", "sve2"),
}
"""What each version of the Arm architecture makes mandatory, beyond the one before it, in the same words. 9.0 stands on
8.5; archspec knows the versions, and not what they consist of."""

_CPUS = sorted(
    name
    for name, cpu in archspec.cpu.TARGETS.items()
    if str(cpu.family) == "x86_64" and not name.startswith("x86_64") and len(name) > 4
)
KERNEL = re.compile(
    # Words that are part of no other, wherever they stand; then those that must stand alone.
    rf"avx|__m256|__m512|sse4|ssse3|popcnt|f16c|clmul|x86_?(?:64_?)?v[234]|{'|'.join(_CPUS)}"
    r"|(?<![a-z])(?:fma[34]?|bmi[12]?|lzcnt|zen[1-9]?|skx|knl|icl|spr|avx10|svml|hwcrc)(?![a-z])",
    re.IGNORECASE,
)
"""How functions, source files and modules are named that are for some CPUs only."""

_LEVEL = re.compile(r"x86[-_]64(?:[-_](v[234]))?")
_ARM_LEVEL = re.compile(r"armv(8\.[0-9]|9\.[0-9])-?a")
# archspec says what a CPU has in the kernel's words, but for this one; what every x86-64-v2 has goes without saying.
_KERNEL_WORDS = {"sse3": "pni"}
_EVERY_X86 = frozenset({"mmx", "sse", "sse2", "pni"})
_FAMILIES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "ppc64le": "ppc64le"}


def normalize(text: str, where: str) -> str:
    """Return the one spelling of a level's name: ``x86-64-v3``, ``armv8.2-a``, an archspec name, or ``baseline``.

    :raises ConfigError: for a name that archspec does not know.
    """
    if text == BASELINE:
        return text
    if level := _LEVEL.fullmatch(text):
        return "x86-64" + (f"-{level[1]}" if level[1] else "")
    if (arm := _ARM_LEVEL.fullmatch(text)) and f"armv{arm[1]}a" in archspec.cpu.TARGETS:
        return f"armv{arm[1]}-a"
    if text in archspec.cpu.TARGETS:
        return text
    raise ConfigError(
        f"{text!r} is not a level that archspec knows",
        where=where,
        hint="x86-64-v2, x86-64-v3, x86-64-v4, armv8.2-a, a CPU such as zen3 or skylake_avx512, or baseline",
    )


def short_name(simd: str) -> str:
    """Return the level as it is written in names of variants and local versions: ``v3``, ``zen3``, ``armv8_2-a``."""
    level = _LEVEL.fullmatch(simd)
    return (level[1] or "v1") if level else simd.replace(".", "_")


def microarchitecture(simd: str) -> Microarchitecture:
    """Return archspec's value for a normalised name; there is none for ``baseline``."""
    level, arm = _LEVEL.fullmatch(simd), _ARM_LEVEL.fullmatch(simd)
    name = simd.replace("-", "_") if level else f"armv{arm[1]}a" if arm else simd
    return archspec.cpu.TARGETS[name]


def check_machine(simd: str, machine: str, where: str) -> None:
    """Refuse a level of another architecture than the target's.

    :param machine: the target's CPU: ``x86_64``, ``aarch64``, ….
    :raises VariantError: if the target's CPUs never have it.
    """
    if simd == BASELINE:
        return
    family = str(microarchitecture(simd).family)
    if family != _FAMILIES.get(machine, machine):
        raise VariantError(
            f"the level {simd} is one of {family}, and the target is {machine}",
            where=where,
            hint="give the variant another simd, or leave this target out of it",
        )


def compiler_flags(simd: str, compiler: str, version: str, where: str) -> tuple[str, ...]:
    """Return the flags that make a compiler use a level: ``-march=x86-64-v3 -mtune=generic``, or a list of features
    for a compiler that is older than the name.

    :param compiler: ``gcc``, ``clang`` or ``apple-clang``.
    :param version: of the compiler: ``12.2.0``.
    :raises VariantError: if that compiler cannot produce it.
    """
    if simd == BASELINE:
        return ()
    try:
        return tuple(microarchitecture(simd).optimization_flags(compiler, version).split())
    except UnsupportedMicroarchitecture as error:
        raise VariantError(
            f"{compiler} {version} has no code for {simd}: {error}",
            where=where,
            hint="build in an image with a newer compiler, or choose a psABI level (x86-64-v2, -v3, -v4)",
        ) from error


def features(simd: str) -> frozenset[str]:
    """Return what a CPU must have for a level, in the words of ``/proc/cpuinfo``."""
    level = _LEVEL.fullmatch(simd)
    if level:
        names = list(X86_LEVELS)
        return frozenset(flag for reached in names[: names.index(simd) + 1] for flag in X86_LEVELS[reached])
    if simd == BASELINE:
        return frozenset()
    if arm := _ARM_LEVEL.fullmatch(simd):
        below = [version for version in ARM_LEVELS if version <= arm[1] and not (arm[1] >= "9" and version == "8.6")]
        return frozenset(flag for version in below for flag in ARM_LEVELS[version])
    return frozenset(_KERNEL_WORDS.get(feature, feature) for feature in microarchitecture(simd).features)


def missing(simd: str, flags: Collection[str]) -> tuple[str, ...]:
    """Return what a CPU with these flags lacks for a level, in order of the alphabet; empty if it runs it."""
    return tuple(sorted(features(simd).difference(flags)))


def psabi_level(simd: str) -> int:
    """Return the psABI level (1 to 4) that a name of x86-64 implies; 1 for ``baseline`` and other architectures."""
    have = features(simd)
    reached = 1
    for number, name in enumerate(X86_LEVELS, start=1):
        if features(name) <= have:
            reached = number
    return reached


def host_flags() -> frozenset[str]:
    """Return the flags of this machine's CPU; empty where the system does not tell them as Linux does."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(line[1].split()) if line else frozenset()


def not_run_here(simd: str) -> str | None:
    """Return why this machine must not run code of a level, or None if it can."""
    if simd == BASELINE:
        return None
    family = str(microarchitecture(simd).family)
    if _FAMILIES.get(platform.machine()) != family:
        return f"{simd} is for {family}, this machine is {platform.machine()}"
    lacking = missing(simd, host_flags())
    if lacking:
        return f"this CPU lacks {', '.join(lacking)} for {simd}"
    return None


def for_host(simd: str) -> str | None:
    """Return what a host must have, as the manifest says it: a psABI level and what is needed beyond it.

    ``x86-64-v3``, ``x86-64-v3+aes+clwb``, ``aarch64+atomics``; None where every host of the target will do. The host
    knows no names of CPUs, and need not.
    """
    if simd == BASELINE:
        return None
    level = f"x86-64-v{psabi_level(simd)}" if microarchitecture(simd).family == "x86_64" else "aarch64"
    beyond = features(simd) - (features(level) if level in X86_LEVELS else frozenset()) - _EVERY_X86
    return "+".join((level.removesuffix("-v1"), *sorted(beyond)))
