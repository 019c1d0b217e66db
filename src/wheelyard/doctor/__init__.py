"""What this machine has of that which building needs, and what to install for the rest.

Nothing is only looked for: each thing is tried, since an engine that does not start is of no use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from wheelyard.doctor import compilers, places, tools
from wheelyard.doctor.configured import examine_for
from wheelyard.doctor.model import FAMILIES, Family, Finding, family, install_command

__all__ = ["FAMILIES", "Family", "Finding", "examine", "examine_for", "family", "install_command"]

_CHECKS: Sequence[Callable[[], Finding]] = (
    tools.python,
    tools.pip,
    places.bubblewrap,
    places.unshare,
    places.engine,
    places.emulation,
    compilers.c,
    compilers.cpp,
    compilers.fortran,
    compilers.zig,
    compilers.blas,
    tools.pythons,
    tools.patchelf,
    tools.objdump,
    tools.ssh_keygen,
    tools.space,
)


def examine() -> tuple[Finding, ...]:
    """Try everything that some build may need, without changing anything and without the network."""
    with ThreadPoolExecutor(4) as pool:
        return tuple(pool.map(lambda check: check(), _CHECKS))
