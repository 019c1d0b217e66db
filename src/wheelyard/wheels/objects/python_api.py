"""What a Python exports to extension modules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from wheelyard.wheels.objects.model import NotAnObjectError

_NAME = re.compile(r"_?Py[A-Z_]\w*")


def exported(program: Sequence[Path]) -> frozenset[str]:
    """Return the names of the C API that a Python exports: ``PyList_New``, ``_Py_NoneStruct``.

    The API of a Python version is the same on every platform. Empty where none of the files tells.

    :param program: the interpreter, and the shared libraries that may belong to it.
    """
    # late: pyelftools is large, and a run that has nothing to do reads no object
    from wheelyard.wheels.objects import elf

    names: set[str] = set()
    for path in program:
        try:
            names |= {name for name in elf.read(path.read_bytes()).exported if _NAME.fullmatch(name)}
        except (NotAnObjectError, OSError):
            continue
    return frozenset(names)
