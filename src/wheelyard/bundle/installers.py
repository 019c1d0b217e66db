"""The programs that lie in every wheelhouse, made once for each version of their sources."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from wheelyard.bundle.single import import_py, install_py
from wheelyard.io import files

_PROGRAMS = {"install.py": install_py, "import.py": import_py}


def installers(cache: Path) -> Mapping[str, bytes]:
    """Return ``install.py`` and ``import.py`` by name.

    :param cache: a folder that they are kept in: putting them together takes longer than a run that does nothing.
    """
    sources = sorted(resources.files("wheelyard.host").iterdir(), key=lambda each: each.name)
    content = b"".join(source.read_bytes() for source in sources if source.name.endswith(".py"))
    place = cache / hashlib.sha256(content).hexdigest()[:32]
    found = {}
    for name, make in _PROGRAMS.items():
        try:
            found[name] = (place / name).read_bytes()
        except FileNotFoundError:
            found[name] = make().encode()
            files.write(place / name, found[name], sync=False)
    return found
