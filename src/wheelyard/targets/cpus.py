"""Which CPUs' programs this machine starts: its own, and those that the kernel hands to an emulator."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

_ALSO = {"x86_64": ("i686",)}
"""What a CPU runs besides its own programs, by itself."""


def native(cpu: str) -> bool:
    """Whether this machine's own CPU runs programs for a CPU, named as in platform tags."""
    here = platform.machine()
    return cpu == here or cpu in _ALSO.get(here, ())


def starts(cpu: str) -> bool:
    """Whether programs for a CPU start here, if need be under emulation (Linux' ``binfmt_misc``).

    Where the system is not Linux, container engines have a Linux of their own, of which nothing is known: True.
    """
    if native(cpu) or sys.platform != "linux":
        return True
    try:
        return Path(f"/proc/sys/fs/binfmt_misc/qemu-{cpu}").read_text("utf-8").startswith("enabled")
    except OSError:
        return False
