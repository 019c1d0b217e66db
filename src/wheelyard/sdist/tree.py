"""A source tree, a folder of this machine: which files are its own, one digest of them, and all of them in one tar.

What tools leave behind is no part of it: environments, caches, what was built before. ``.git`` is, as versions are
derived from it (setuptools-scm): without its configuration, which may hold passwords, and without hooks and logs.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from wheelyard.io import files
from wheelyard.io.files import storage_error

_CACHES = frozenset(
    {
        "__pycache__", ".venv", ".tox", ".nox", ".eggs", ".hg", ".svn", "node_modules",
        ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".DS_Store",
    }
)  # fmt: skip
_BUILT = frozenset({"dist"})
"""Left out at the top of the tree only: what frontends write there."""
_GIT_OWN = frozenset({"config", "hooks", "logs", "FETCH_HEAD", "COMMIT_EDITMSG", "gc.log"})
_GIT_STATE = ("HEAD", "packed-refs", "shallow")
"""Files of ``.git`` that the digest knows, and all below ``refs``: what a version can be derived from."""

_File: TypeAlias = tuple[str, Path, os.stat_result]


def digest(folder: Path, leave_out: Collection[Path] = ()) -> str:
    """Return the SHA-256 of a tree: of its files' names, content and modes, and of what its ``.git`` has checked out.

    :param leave_out: files and folders that are not of the tree, as absolute paths.
    :raises StorageError: if it cannot be read.
    """
    whole = hashlib.sha256()
    try:
        for name, path, status in _files(folder, leave_out):
            if stat.S_ISDIR(status.st_mode) or (name.startswith(".git/") and not _is_git_state(name[5:])):
                continue
            if stat.S_ISLNK(status.st_mode):
                kind, content = "link", hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
            else:
                kind, content = "run" if status.st_mode & 0o100 else "file", files.sha256(path)
            whole.update(f"{kind} {content} {len(name)} {name}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise storage_error(Path(error.filename or folder), error) from error
    return whole.hexdigest()


def paths(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield the files, folders and links of a tree.

    :param leave_out: as for ``digest``.
    """
    return (path for _, path, _ in _files(folder, leave_out))


def pack(folder: Path, into: Path, leave_out: Collection[Path] = ()) -> Path:
    """Write a tree as a tar with one top folder, ``source``, and return its path.

    :param leave_out: as for ``digest``.
    :raises StorageError: if it cannot be read or written.
    """
    return _packed(_files(folder, leave_out), folder, into)


def pack_all(folder: Path, into: Path) -> Path:
    """Write a tree as ``pack`` does, with all that is in it: a fresh checkout has nothing that is not its own.

    :raises StorageError: if it cannot be read or written.
    """
    return _packed(_walk(folder.resolve(), "", lambda *_: False), folder, into)


def _packed(found: Iterable[_File], folder: Path, into: Path) -> Path:
    try:
        with tarfile.open(into, "w", format=tarfile.PAX_FORMAT) as archive:
            for name, path, _ in found:
                archive.add(path, arcname=f"source/{name}", recursive=False)
    except OSError as error:
        raise storage_error(Path(error.filename or folder), error) from error
    return into


def _files(folder: Path, leave_out: Collection[Path]) -> Iterator[_File]:
    """Yield folders, files and links of a tree in order of their names: path in the tree, path here, status."""

    def is_left(entry: str, name: str, path: Path) -> bool:
        return path in leave_out or _is_left(entry, name, path)

    return _walk(folder.resolve(), "", is_left)


def _walk(inside: Path, name: str, is_left: Callable[[str, str, Path], bool]) -> Iterator[_File]:
    with os.scandir(inside) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    for entry in entries:
        path, deeper = inside / entry.name, f"{name}{entry.name}"
        status = entry.stat(follow_symlinks=False)
        if is_left(entry.name, name, path):
            continue
        if stat.S_ISDIR(status.st_mode):
            yield deeper, path, status
            yield from _walk(path, f"{deeper}/", is_left)
        elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            yield deeper, path, status


def _is_left(entry: str, name: str, path: Path) -> bool:
    """Whether a file or folder ``entry`` of the folder ``name`` is what tools leave behind."""
    if name == "":
        return entry in _CACHES or entry in _BUILT or entry.endswith(".egg-info") or _is_environment(path)
    if name == ".git/":
        return entry in _GIT_OWN
    return not name.startswith(".git/") and (entry in _CACHES or entry.endswith(".egg-info") or _is_environment(path))


def _is_git_state(name: str) -> bool:
    return name in _GIT_STATE or name.startswith("refs/")


def _is_environment(path: Path) -> bool:
    return (path / "pyvenv.cfg").is_file()
