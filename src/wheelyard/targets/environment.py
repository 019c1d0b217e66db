"""The PEP 508 marker environment of a target."""

from __future__ import annotations

from wheelyard.domain.target import Target
from wheelyard.targets import platforms

_NAMES = {"cpython": "CPython", "pypy": "PyPy"}


def environment(target: Target) -> dict[str, str]:
    """Return what each marker is on a host of the target (PEP 508 and PEP 345).

    ``platform_release`` and ``platform_version`` (of the kernel) are empty: they differ from host to host.
    """
    platform = platforms.parse(target.platform)
    mac = platform.family == "macosx"
    # A universal2 Python says the CPU that it runs on; new Macs are arm64.
    machine = "arm64" if platform.cpu == "universal2" else platform.cpu
    return {
        "implementation_name": target.implementation,
        "implementation_version": target.python_full if target.implementation == "cpython" else "7.3.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": _NAMES.get(target.implementation, target.implementation),
        "platform_release": "",
        "platform_system": "Darwin" if mac else "Linux",
        "platform_version": "",
        "python_full_version": target.python_full,
        "python_version": target.python.removesuffix("t"),
        "sys_platform": "darwin" if mac else "linux",
    }


def marker(target: Target) -> str:
    """Return a PEP 508 marker that holds on the target's hosts, for ``environments`` of PEP 751."""
    values = environment(target)
    keys = ("implementation_name", "python_version", "sys_platform", "platform_machine")
    return " and ".join(f'{key} == "{values[key]}"' for key in sorted(keys))
