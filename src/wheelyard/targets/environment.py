"""The PEP 508 marker environment of a target."""

from __future__ import annotations

from typing import NamedTuple

from wheelyard.domain.target import Target
from wheelyard.targets import platforms

_NAMES = {"cpython": "CPython", "pypy": "PyPy"}


class _System(NamedTuple):
    """What Python says of an operating system."""

    os_name: str
    kernel: str
    sys_platform: str


_LINUX = _System("posix", "Linux", "linux")
_SYSTEMS = {"macosx": _System("posix", "Darwin", "darwin"), "windows": _System("nt", "Windows", "win32")}
_MACHINES = {"amd64": "AMD64", "arm64": "ARM64"}
"""CPUs as ``platform.machine()`` of Windows writes them."""


def environment(target: Target) -> dict[str, str]:
    """Return what each marker is on a host of the target (PEP 508 and PEP 345).

    ``platform_release`` and ``platform_version`` (of the kernel) are empty: they differ from host to host.
    """
    platform = platforms.parse(target.platform)
    system = _SYSTEMS.get(platform.family, _LINUX)
    # A universal2 Python says the CPU that it runs on; new Macs are arm64.
    machine = _MACHINES.get(platform.cpu, platform.cpu) if system.kernel == "Windows" else platform.cpu
    machine = "arm64" if machine == "universal2" else machine
    return {
        "implementation_name": target.implementation,
        "implementation_version": target.python_full if target.implementation == "cpython" else "7.3.0",
        "os_name": system.os_name,
        "platform_machine": machine,
        "platform_python_implementation": _NAMES.get(target.implementation, target.implementation),
        "platform_release": "",
        "platform_system": system.kernel,
        "platform_version": "",
        "python_full_version": target.python_full,
        "python_version": target.python.removesuffix("t"),
        "sys_platform": system.sys_platform,
    }


def marker(target: Target) -> str:
    """Return a PEP 508 marker that holds on the target's hosts, for ``environments`` of PEP 751."""
    values = environment(target)
    keys = ("implementation_name", "python_version", "sys_platform", "platform_machine")
    return " and ".join(f'{key} == "{values[key]}"' for key in sorted(keys))
