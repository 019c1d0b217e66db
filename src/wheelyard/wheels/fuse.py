"""One wheel for both kinds of Mac, from a wheel for each: what ``delocate-merge`` does with Apple's ``lipo``."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wheelyard.domain import wheel_name
from wheelyard.domain.errors import RepairError
from wheelyard.io.temporary import temporary_folder
from wheelyard.targets import platforms
from wheelyard.wheels.objects import macho
from wheelyard.wheels.objects.fat import fused
from wheelyard.wheels.objects.model import NotAnObjectError
from wheelyard.wheels.rewrite import EPOCH, Changes, rewrite

_HINT = "name two targets in place of universal2, one for each kind of Mac"
_SHOWN = 5
_LISTS = re.compile(r"[^/]+\.dist-info/RECORD(?:\.jws|\.p7s)?")
_WHEEL = re.compile(r"[^/]+\.dist-info/WHEEL")
_TAG = re.compile(rb"(?m)^Tag:.*\n?")


def fuse(intel: Path, arm: Path, into: Path, *, extra: Mapping[str, bytes] | None = None, epoch: int = EPOCH) -> Path:
    """Write the wheel that two finished wheels make together into the folder ``into``, and return its path.

    Mach-O files become universal ones; every other file must be the same in both, but for the tags in WHEEL and for
    RECORD. The new tag is of the oldest macOS that both run on. Pure wheels must be the same and stay what they are.

    :param extra: files below the dist-info folder to be written in place of both wheels' own.
    :param epoch: the time of all members, seconds since 1970.
    :raises RepairError: naming the files that differ, or that only one of the wheels has.
    """
    tag = _tag(intel, arm)
    with temporary_folder("fuse") as folder:
        staged = folder / intel.name
        with (
            zipfile.ZipFile(intel) as one,
            zipfile.ZipFile(arm) as other,
            zipfile.ZipFile(staged, "w") as sink,
        ):
            names, others = ({name for name in archive.namelist() if name[-1] != "/"} for archive in (one, other))
            faults = [f"{name} is for x86_64 only" for name in sorted(names - others)]
            faults += [f"{member} is for arm64 only" for member in sorted(others - names)]
            for each in sorted(names & others):
                below = each.partition(".dist-info/")[2]
                made = one.read(each) if below in (extra or {}) else _one_of(each, one.read(each), other.read(each))
                if made is None:
                    faults.append(f"{each} differs")
                else:
                    sink.writestr(one.getinfo(each), made)
        if faults:
            rest = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
            raise RepairError(
                f"the wheels for x86_64 and arm64 cannot be one: {'; '.join([*faults[:_SHOWN], *rest])}",
                where=intel.name,
                hint=_HINT,
            )
        return rewrite(staged, into, Changes(platforms=(tag,) if tag != "any" else (), extra=extra or {}), epoch=epoch)


def _one_of(name: str, intel: bytes, arm: bytes) -> bytes | None:
    """Return the content that stands for both; None: there is none."""
    if intel == arm or _LISTS.fullmatch(name):
        return intel
    if _WHEEL.fullmatch(name):
        return intel if _TAG.sub(b"", intel) == _TAG.sub(b"", arm) else None
    if not (macho.is_macho(intel[:8]) and macho.is_macho(arm[:8])):
        return None
    try:
        # A library that was universal already is in both wheels whole, but with other names written into it.
        return fused([macho.slices(intel)["x86_64"], macho.slices(arm)["arm64"]])
    except (NotAnObjectError, KeyError, ValueError):
        return None


def _tag(intel: Path, arm: Path) -> str:
    """Return the platform tag of both: ``macosx_10_13_universal2``; ``any`` where both are pure.

    ARM's macOS 11.0 says nothing, as no ARM Mac has an older one.

    :raises RepairError: if they are for different Pythons, or only one is pure.
    """
    one, other = (wheel_name.parse(path.name) for path in (intel, arm))
    if one != replace(other, platform=one.platform) or one.is_pure != other.is_pure:
        raise RepairError(
            f"the wheels for x86_64 and arm64 cannot be one: they are {intel.name} and {arm.name}",
            where=f"{one.distribution} {one.version}",
            hint=_HINT,
        )
    if one.is_pure:
        return "any"
    newest = _newest(other)
    major, minor = max(_newest(one), newest if newest > (11, 0) else (0, 0))
    return f"macosx_{major}_{minor}_universal2"


def _newest(wheel: wheel_name.WheelName) -> tuple[int, int]:
    return max(platforms.parse(part).version for part in wheel.platform.split("."))
