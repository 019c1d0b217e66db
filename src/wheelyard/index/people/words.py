"""File names, tags and sizes in words."""

from __future__ import annotations

import re

from wheelyard.domain import wheel_name

_PYTHONS = {"cp": "CPython", "pp": "PyPy", "py": "any Python", "ip": "IronPython", "jy": "Jython"}
_MACHINES = {
    "x86_64": "x86-64",
    "amd64": "x86-64",
    "aarch64": "ARM64",
    "arm64": "ARM64",
    "i686": "32-bit x86",
    "win32": "32-bit x86",
    "universal2": "ARM64 and x86-64",
    "ppc64le": "POWER (little endian)",
    "s390x": "IBM Z",
    "armv7l": "32-bit ARM",
    "riscv64": "RISC-V",
}
ORIGINS = {"built": "compiled here", "local": "added by hand", "upstream": "upstream"}
"""Where a file came from."""
_OLD = {"manylinux1": "2_5", "manylinux2010": "2_12", "manylinux2014": "2_17"}
_LIBC = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(.+)\Z")
_MACOS = re.compile(r"macosx_(\d+)_(\d+)_(.+)\Z")


def size(number: int) -> str:
    """Return bytes as a person reads them: ``1.2 MB`` (powers of ten, as disks and downloads are counted)."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def explain(filename: str) -> str:
    """Return what a file runs on, from its tags."""
    if not filename.endswith(".whl"):
        return "Source: it has to be compiled or installed by pip's build step"
    try:
        wheel = wheel_name.parse(filename)
    except ValueError:
        return "Wheel"
    return f"{_python(wheel.python, wheel.abi)}, {_platform(wheel.platform)}"


def _python(python: str, abi: str) -> str:
    if python in ("py3", "py2.py3"):
        return "Any Python 3" if python == "py3" else "Any Python"
    named = []
    for tag in python.split("."):
        number = tag[2:]
        version = f"{number[0]}.{number[1:]}" if len(number) > 1 else number
        named.append(f"{_PYTHONS.get(tag[:2], tag[:2])} {version}")
    newer = " or newer" if abi == "abi3" or (abi == "none" and python.startswith("py")) else ""
    threads = " free-threaded" if re.fullmatch(r"cp\d+t", abi) else ""
    return " / ".join(named) + threads + newer


def _platform(tags: str) -> str:
    if tags == "any":
        return "any system"
    # Of manylinux2014 (an older name of 2_17) and 2_28 together, the oldest says it all.
    oldest: dict[tuple[str, ...], tuple[tuple[int, int], str]] = {}
    for tag in tags.split("."):
        plain = _plain(tag)
        match = _LIBC.match(plain)
        kind = (match[1], match[4]) if match else (plain,)
        version = (int(match[2]), int(match[3])) if match else (0, 0)
        oldest[kind] = min(oldest.get(kind, (version, plain)), (version, plain))
    return "; ".join(dict.fromkeys(_one_platform(tag) for _, tag in oldest.values()))


def _plain(tag: str) -> str:
    for old, new in _OLD.items():
        tag = tag.replace(old + "_", f"manylinux_{new}_")
    return tag


def _one_platform(tag: str) -> str:
    if match := _LIBC.match(tag):
        libc = "glibc" if match[1] == "manylinux" else "musl"
        return f"Linux on {_machine(match[4])} with {libc} {match[2]}.{match[3]} or newer"
    if match := _MACOS.match(tag):
        return f"macOS {match[1]}.{match[2]} or newer on {_machine(match[3])}"
    if tag.startswith("linux_"):
        return f"Linux on {_machine(tag.removeprefix('linux_'))}, only the distribution it was built on"
    if tag.startswith("win"):
        return f"Windows on {_machine(tag.removeprefix('win_'))}"
    return tag


def _machine(name: str) -> str:
    return _MACHINES.get(name, name)


def platform(tag: str) -> str:
    """Return what hosts a target's platform tag stands for."""
    return _one_platform(_plain(tag))
