"""Presets: what the hosts of well-known distributions are, read from ``presets.toml``."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.target import Target
from wheelyard.targets import platforms

OLDEST, NEWEST = 6, 15
"""The minor versions of Python 3 that a target may have."""

_LATE = {6: 15, 7: 17, 8: 20, 9: 25, 10: 19, 11: 14, 12: 12, 13: 9, 14: 2}

_PYPA = "quay.io/pypa"
_VERSION = re.compile(r"py3(\d{1,2})(t?)")
_CPUS = ("x86_64", "aarch64", "ppc64le", "s390x", "i686", "armv7l", "riscv64")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetPython:
    """A Python that a distribution brings."""

    version: str
    full: str
    """Oldest patch release of a supported host."""
    pip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One distribution, in one release."""

    name: str
    platform: str
    """Platform tag without the CPU: ``manylinux_2_34``."""
    pythons: tuple[PresetPython, ...]
    """The default first."""
    source: str
    """Where the facts are from."""
    builder: str | None = None
    host: str | None = None
    """Plain container image of such a host."""
    cpu_level: str | None = None
    """The psABI level that the distribution needs, on x86_64; None: it runs on every one."""
    managed: str | None = None
    """Where it is from that this Python is marked as the system's alone, or may be (PEP 668); None: it is not."""
    lacks_pip: str | None = None
    """Where it is from that Python comes without pip and without ``ensurepip``; None: it brings one of them."""
    cpu: str | None = None
    """The only CPU, where the preset's name says it."""


@functools.cache
def presets() -> dict[str, Preset]:
    """Return all presets by name, in the order of the data file."""
    text = resources.files("wheelyard.targets").joinpath("presets.toml").read_text("utf-8")
    return {
        name: Preset(
            name=name,
            platform=row["platform"],
            pythons=tuple(PresetPython(**python) for python in row["python"]),
            source=row["source"],
            builder=row.get("builder"),
            host=row.get("host"),
            cpu=row.get("cpu"),
            cpu_level=row.get("cpu-level"),
            managed=row.get("externally-managed"),
            lacks_pip=row.get("lacks-pip"),
        )
        for name, row in tomllib.loads(text).items()
    }


def late_release(python: str) -> str:
    """Return ``X.Y.Z`` for a Python (``X.Y``, perhaps with ``t``) of which nobody said the patch release.

    A late one, not X.Y.0: projects exclude early ones (``!=3.9.0,!=3.9.1``), and who brings a Python brings a late one.
    """
    plain = python.removesuffix("t")
    return f"{plain}.{_LATE.get(int(plain.split('.')[1]), 0)}"


def names() -> tuple[str, ...]:
    """Return every name for the Pythons that the distributions bring: ``el8``, ``el8-py36``, ``el8-py38``, …"""
    found: list[str] = []
    for preset in presets().values():
        found.append(preset.name)
        found += [f"{preset.name}-py{python.version.replace('.', '')}" for python in preset.pythons]
    return tuple(found)


def target(name: str) -> Target:
    """Return the target of a preset's name: ``el9``, ``el9-py311``, ``el9-aarch64``, ``el9-py311-aarch64``.

    :raises ConfigError: if there is no such preset; the nearest is named.
    """
    name = name.replace(".", "")  # `ubuntu24.04` and `ubuntu2404` are the same; a folder's name has no dot
    preset = _preset(name)
    python, cpu = _refinements(name, preset)
    known = {offered.version: offered for offered in preset.pythons}
    chosen = known[python] if python in known else PresetPython(version=python, full=late_release(python))
    tag = f"{preset.platform}_{preset.cpu or cpu}"
    platforms.parse(tag)
    return Target(
        name=name,
        python=chosen.version,
        python_full=chosen.full,
        platform=tag,
        pip=chosen.pip,
        cpu_level=preset.cpu_level if tag.endswith("_x86_64") else None,
        # Of a Python that the distribution does not bring, only its user knows how it was made.
        externally_managed=preset.managed is not None and python in known,
        lacks_pip=preset.lacks_pip is not None and python in known,
        preset=preset.name,
    )


def _preset(name: str) -> Preset:
    """Return the preset whose name this begins with: the longest, as ``macos-arm64`` has a hyphen itself."""
    fitting = [preset for preset in presets().values() if name == preset.name or name.startswith(preset.name + "-")]
    if not fitting:
        close = difflib.get_close_matches(name, names(), n=1, cutoff=0.0)[0]
        raise ConfigError(f"unknown preset {name!r}", hint=f"did you mean {close!r}? There are: {', '.join(presets())}")
    return max(fitting, key=lambda preset: len(preset.name))


def _refinements(name: str, preset: Preset) -> tuple[str, str]:
    """Return the Python and CPU that stand behind the preset's name, or its defaults."""
    python, cpu = preset.pythons[0].version, preset.cpu or "x86_64"
    for part in filter(None, name.removeprefix(preset.name).split("-")):
        if (match := _VERSION.fullmatch(part)) and OLDEST <= int(match[1]) <= NEWEST:
            python = f"3.{match[1]}{match[2]}"
        elif part in _CPUS and preset.cpu is None:
            cpu = part
        else:
            known = [f"py{offered.version.replace('.', '')}" for offered in preset.pythons] + list(_CPUS)
            close = difflib.get_close_matches(part, known, n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"unknown preset {name!r}: {part!r} is neither a Python nor a CPU",
                hint=f"did you mean '{preset.name}-{close}'?",
            )
    return python, cpu


def builder_image(target: Target) -> str | None:
    """Return the container image to compile for a target in: its own, else the PyPA image that fits; None: no image.

    For a preset it is the preset's; else the newest whose C library and CPU baseline are not above the target's.
    """
    if target.build.image:
        return target.build.image
    platform = platforms.parse(target.platform)
    preset = presets().get(target.preset or "")
    family = preset.builder if preset and preset.builder else _pypa_family(platform)
    if family is None:
        return None
    return f"{_PYPA}/{family}_{platform.cpu}"


def _pypa_family(platform: platforms.Platform) -> str | None:
    """Return the PyPA image family for a platform.

    The one for glibc 2.34 compiles for x86-64-v2 (AlmaLinux 9), so only presets that know better name it.
    """
    if platform.family == "musllinux":
        return "musllinux_1_2" if platform.version >= (1, 2) else None
    if platform.family != "manylinux":
        return None
    available = {"riscv64": ((39, "manylinux_2_39"),), "armv7l": ((35, "manylinux_2_35"), (31, "manylinux_2_31"))}
    usual = ((28, "manylinux_2_28"), (17, "manylinux2014"))
    for minor, family in available.get(platform.cpu, usual):
        if platform.version >= (2, minor):
            return family
    return None


def host_image(target: Target) -> str | None:
    """Return a plain container image to prove a target in: its own, else its preset's, else None."""
    if target.build.host_image:
        return target.build.host_image
    preset = presets().get(target.preset or "")
    return preset.host if preset else None
