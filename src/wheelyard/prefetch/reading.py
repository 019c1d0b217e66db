"""Reading the lock files in a source tree, which anybody may have written."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from wheelyard.domain.errors import BuildError

_LARGEST = 32 << 20
"""Bytes; the lock of a thousand npm packages has half of one."""


def files_named(source: Path, names: Collection[str], *, without: Collection[str] = ()) -> Iterator[Path]:
    """Yield the plain files of these names in a tree, in order.

    :param without: names of entries whose folder is not looked into.
    """
    for folder, folders, files in os.walk(source):
        folders.sort()
        if folders and not {*files, *folders}.isdisjoint(without):
            folders.clear()
        for name in sorted({*names} & {*files}):
            path = Path(folder, name)
            if not path.is_symlink():
                yield path


def text_of(path: Path, source: Path, where: str) -> str:
    """Return the text of a file of the tree.

    :raises BuildError: if it is none, or has more in it than any lock file.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is of absurd size")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise unreadable(path.relative_to(source).as_posix(), where, error) from error


def toml_of(path: Path, source: Path, where: str) -> dict[str, Any]:
    """Return the content of a TOML file of the tree.

    :raises BuildError: if it is none.
    """
    try:
        return tomllib.loads(text_of(path, source, where))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise unreadable(path.relative_to(source).as_posix(), where, error) from error


def unreadable(name: str, where: str, error: object) -> BuildError:
    """Return the error of a file that is not what its name says."""
    return BuildError(f"{name} cannot be read: {error}", where=where, hint="tell its authors, or mend it by a patch")
