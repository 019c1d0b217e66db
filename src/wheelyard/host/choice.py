"""Which folder of the wheelhouse fits this host, and why the others do not."""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from wheelyard.host.machine import HostFacts, Version, cpu_flags, dotted, in_words, numbers_of
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.refusal import EXIT_NO_FOLDER, EXIT_USAGE, Refused

Choice = NamedTuple("Choice", [("target", TargetInfo), ("reasons", Tuple[str, ...])])

_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_PLATFORM = re.compile(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_(\w+)\Z")
_NAMES = {"macos": "macOS", "windows": "Windows"}
_SYSTEMS = {"manylinux": "glibc", "musllinux": "musl", "macosx": "macos", "linux": "", "win": "windows"}
# The first pip that accepts each kind of wheel tag (its changelog: 8.1, 19.0, 19.3, 20.3, 21.2; macOS 11: tried).
_PIP_FOR = (("manylinux1_", (8, 1)), ("manylinux2010_", (19, 0)), ("manylinux2014_", (19, 3)))
_PIP_FOR_MANYLINUX, _PIP_FOR_MUSLLINUX, _PIP_FOR_MACOS_11 = (20, 3), (21, 2), (20, 3)


def platform_parts(tag: str) -> Tuple[str, Version, str]:
    """Return kind, version and machine of a platform tag: ("manylinux", (2, 34), "x86_64")."""
    for name, version in _LEGACY.items():
        if tag.startswith(name + "_"):
            return "manylinux", version, tag[len(name) + 1 :]
    match = _PLATFORM.match(tag)
    if match:
        return match.group(1), (int(match.group(2)), int(match.group(3))), match.group(4)
    if tag == "win32":
        return "win", (), "x86"
    kind, _, machine = tag.partition("_")
    return kind, (), machine


def why_not(target: TargetInfo, host: HostFacts) -> Optional[str]:
    """Return why a target's wheels cannot run here, or None if they can."""
    if target.implementation != host.implementation:
        return "is for {}".format(target.implementation)
    if target.python != host.python:
        return "is for Python {}".format(target.python)
    kind, version, machine = platform_parts(target.platform)
    system = _SYSTEMS.get(kind)
    if system is None:
        return "is for {}".format(target.platform)
    if system not in ("", host.libc):
        return "is for {}".format(_NAMES.get(system) or "Linux with " + system)
    if kind == "linux" and host.libc in _NAMES:
        return "is for Linux"
    if machine != host.machine and not (machine == "universal2" and host.machine in ("x86_64", "arm64")):
        return "is for {}, and this Python is {}".format(machine, host.machine)
    if version > (*host.libc_version, 0, 0):  # macOS 11 may call itself just that
        name = "macOS" if system == "macos" else system
        return "needs {} {}, and here is {}".format(name, dotted(version), dotted(host.libc_version))
    return next((why for need in sorted(target.needs.items()) for why in [_unmet(need[0], need[1], host)] if why), None)


def _unmet(axis: str, need: str, host: HostFacts) -> Optional[str]:
    """Return what a variant needs and this host lacks, or None; what is not known here counts as lacking."""
    if axis != "simd":
        return "needs {} {}, of which this installer knows nothing".format(axis, need)
    named, _, beyond = need.partition("+")
    level = numbers_of(named.rpartition("-v")[2])
    if named.startswith("x86-64-v") and level > (host.cpu_level,):
        return "needs a CPU of level {}".format(named)
    lacking = sorted(set(beyond.split("+")).difference(cpu_flags())) if beyond else []
    return "needs a CPU with {}".format(", ".join(lacking)) if lacking else None


def rank(needs: Dict[str, str]) -> Tuple[int, int]:
    """Return how much of a CPU a folder uses: its level, then how many features it needs beyond that."""
    named, _, beyond = needs.get("simd", "").partition("+")
    level = numbers_of(named.rpartition("-v")[2])
    return (level or (0,))[0], len(beyond.split("+")) if beyond else 0


def choose(targets: List[TargetInfo], host: HostFacts, variant: Optional[str]) -> Choice:
    """Return the folder for this host.

    The baseline is taken unless a variant is asked for by name, or by ``auto``: then of those that this CPU can run
    the one that uses most of it. One for this CPU alone and the newest platform come before, the admin's order behind.

    :raises Refused: ``no-folder``, with a reason for each that was looked at; ``no-variant`` if nothing has the name.
    """
    _check_name(targets, host, variant)
    reasons = []
    fitting = []
    for order, target in enumerate(targets):
        reason = why_not(target, host)
        if reason is None and variant is None and target.variant is not None:
            reason = "is a variant, and none was asked for (--variant {})".format(target.variant)
        if reason is None and variant not in (None, "auto") and target.variant != variant:
            reason = "is not the variant {}".format(variant)
        if reason is None:
            _, version, machine = platform_parts(target.platform)
            shared = (target.variant is None, machine == "universal2")
            unused = tuple(-n for n in rank(target.needs))
            fitting.append((target.proof == "failed", shared, tuple(-n for n in version), unused, order, target))
        else:
            reasons.append("{}: {}".format(target.folder, reason))
    if not fitting:
        raise Refused(
            "no-folder",
            "no folder of this wheelhouse is for this host ({})".format(in_words(host))
            + "".join("\n  " + line for line in reasons)
            + "\n",
            hint="ask the admin for a target like this host, or use another Python",
            code=EXIT_NO_FOLDER,
        )
    fitting.sort(key=lambda each: each[:5])
    failed, best = fitting[0][0], fitting[0][-1]
    words = ["{}: fits (Python {}, {})".format(best.folder, best.python, best.platform)]
    words += ["{}: fits too, but comes behind".format(other[-1].folder) for other in fitting[1:]]
    if failed:
        words.append("{}: WARNING: its proof failed when the wheelhouse was made".format(best.folder))
    return Choice(target=best, reasons=tuple(words + reasons))


def _check_name(targets: List[TargetInfo], host: HostFacts, variant: Optional[str]) -> None:
    """Refuse a variant's name that nothing in the wheelhouse has, and say which there are."""
    names = {target.variant: False for target in targets if target.variant is not None}
    for target in targets:
        if target.variant is not None and why_not(target, host) is None:
            names[target.variant] = True
    if variant in (None, "auto") or variant in names:
        return
    here = [name for name, fits in names.items() if fits]
    others = [name for name, fits in names.items() if not fits]
    said = ["for this host: {}".format(", ".join(here))] if here else []
    said += ["for others: {}".format(", ".join(others))] if others else []
    raise Refused(
        "no-variant",
        "no variant here is called {} ({})".format(variant, "; ".join(said) or "there are none"),
        hint="--variant auto takes the best for this CPU; without --variant, the baseline is taken",
        code=EXIT_USAGE,
    )


def pip_needed(wheels: List[str]) -> Tuple[Version, str]:
    """Return the oldest pip that accepts every one of some wheels, and the wheel that needs it."""
    newest: Version = ()
    which = ""
    for name in wheels:
        platforms = name[: -len(".whl")].rpartition("-")[2].split(".")
        needs = [_needed_for(tag) for tag in platforms]
        if min(needs) > newest:
            newest, which = min(needs), name
    return newest, which


def _needed_for(tag: str) -> Version:
    for start, needed in _PIP_FOR:
        if tag.startswith(start):
            return needed
    kind, version, machine = platform_parts(tag)
    if kind == "macosx":
        return _PIP_FOR_MACOS_11 if version >= (11, 0) or machine == "universal2" else ()
    return {"manylinux": _PIP_FOR_MANYLINUX, "musllinux": _PIP_FOR_MUSLLINUX}.get(kind, ())
