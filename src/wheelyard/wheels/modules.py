"""Which modules a wheel brings, by the names of its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SUFFIXES = (".py", ".so", ".pyd")


def top_level_modules(members: Sequence[str], dist_info: str) -> tuple[str, ...]:
    """Return what can be imported: modules and packages at the root, ordered.

    A folder without ``__init__`` is a name space that other wheels share (PEP 420): the packages and modules right
    below it are returned instead (``google.protobuf``), down to the first real ones. Folders without any code are
    data, not modules.
    """
    data = dist_info.removesuffix(".dist-info") + ".data"
    paths = []
    for member in members:
        parts = member.split("/")
        if parts[0] == data and len(parts) > 2 and parts[1] in ("purelib", "platlib"):
            parts = parts[2:]
        elif parts[0] in (data, dist_info):
            continue
        if parts[-1].endswith(_SUFFIXES):
            paths.append(tuple(parts))
    return tuple(sorted(_below((), paths)))


def _below(parent: tuple[str, ...], paths: Iterable[tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    folders: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        name = path[len(parent)]
        if len(path) == len(parent) + 1:
            module = name.partition(".")[0]
            if module.isidentifier() and module != "__init__":
                found.add(".".join((*parent, module)))
        elif name.isidentifier():
            folders.setdefault(name, []).append(path)
    for name, inside in folders.items():
        here = (*parent, name)
        is_package = any(len(path) == len(here) + 1 and path[-1].partition(".")[0] == "__init__" for path in inside)
        found |= {".".join(here)} if is_package else _below(here, inside)
    return found
