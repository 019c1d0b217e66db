"""Universal Mach-O files as ``lipo`` makes them: a table, and behind it one object a CPU."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_MAGIC = 0xCAFEBABE
_ALIGN = {0x01000007: 12, 0x0100000C: 14}
"""By CPU (Intel, ARM; 64 bits), the power of two that its part begins at: the size of the machine's pages."""
_MAX = (1 << 32) - 1


def fused(thin: Sequence[bytes]) -> bytes:
    """Return the universal file of thin Mach-O objects, each for another CPU, in the order of ``lipo``: Intel first.

    The parts are as they were, so that their signatures, which are over each part, stay valid.

    :raises ValueError: if one is no thin object for 64-bit Intel or ARM, two are for the same, or all are too big.
    """
    parts = sorted((*struct.unpack_from("<II", half, 4), half) for half in thin)
    cpus = [cpu for cpu, _, _ in parts]
    if len(set(cpus)) != len(cpus) or not set(cpus) <= set(_ALIGN):
        raise ValueError("a universal file has one object for each CPU")
    table = struct.pack(">II", _MAGIC, len(parts))
    end, pieces = 8 + 20 * len(parts), []
    for cpu, kind, content in parts:
        gap = -end % (1 << _ALIGN[cpu])
        pieces += [b"\0" * gap, content]
        if end + gap + len(content) > _MAX:
            raise ValueError("a universal file has at most 4 GiB")
        table += struct.pack(">IIIII", cpu, kind, end + gap, len(content), _ALIGN[cpu])
        end += gap + len(content)
    return b"".join((table, *pieces))
