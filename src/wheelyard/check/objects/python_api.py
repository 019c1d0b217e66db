"""What a Python exports to extension modules."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

from wheelyard.check.objects import elf
from wheelyard.check.objects.model import NotAnObjectError

_NAME = re.compile(r"_?Py[A-Z_]\w*")


@functools.lru_cache(maxsize=16)
def exported(interpreter: str) -> frozenset[str]:
    """Return the names of the C API that an interpreter of this machine exports: ``PyList_New``, ``_Py_NoneStruct``.

    The API of a Python version is the same on every platform. Empty where neither program nor library tells.
    """
    program = Path(os.path.realpath(interpreter))
    places = [program, *sorted((program.parent.parent / "lib").glob(f"lib{program.name}*.so*"))]
    for machine in ("/usr/lib", "/usr/lib64"):
        places += sorted(Path(machine).glob(f"**/lib{program.name}*.so.1*")) if program.is_relative_to("/usr") else []
    names: set[str] = set()
    for place in places:
        try:
            names |= {name for name in elf.read(place.read_bytes()).exported if _NAME.fullmatch(name)}
        except (NotAnObjectError, OSError):
            continue
        if len(names) > 500:
            break
    return frozenset(names)
