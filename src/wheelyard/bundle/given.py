"""What a person named on the command line is looked at before it is used: there at all, and of the right kind."""

from __future__ import annotations

from pathlib import Path

from wheelyard.domain.errors import UsageError
from wheelyard.host.generations import CURRENT, GENERATIONS
from wheelyard.host.manifest import MANIFEST
from wheelyard.host.volumes import is_bundle


def need_path(path: Path) -> None:
    """Make sure that something is there.

    :raises UsageError: if not.
    """
    if not path.exists():
        raise UsageError("there is no such file or folder", where=str(path), hint="is the name right?")


def is_wheelhouse(path: Path) -> bool:
    """Whether a folder is a wheelhouse, be it a generation in a folder that bundles are imported into."""
    return path.is_dir() and (path / MANIFEST).exists()


def is_generation(path: Path) -> bool:
    """Whether a folder is one generation of those that were imported."""
    return path.resolve().parent.name == GENERATIONS


def need_wheelhouse(path: Path) -> None:
    """Make sure that a folder is a wheelhouse.

    :raises UsageError: if it is none.
    """
    if is_wheelhouse(path):
        return
    if (path / GENERATIONS).is_dir():
        raise UsageError(
            "bundles are imported into this folder; it is no wheelhouse itself",
            where=str(path),
            hint=f"what is published there is {path / CURRENT}",
        )
    if path.exists() and not path.is_dir():
        raise UsageError("this is a file, not a wheelhouse", where=str(path), hint="name the wheelhouse's folder")
    raise UsageError(
        "nothing was built here yet" if path.exists() else "nothing was built here yet: there is no such folder",
        where=str(path),
        hint="run `wheelyard build` first, or name the wheelhouse's folder",
    )


def need_imported(path: Path) -> None:
    """Make sure that bundles were imported into a folder.

    :raises UsageError: if not.
    """
    need_path(path)
    if (path / GENERATIONS).is_dir():
        return
    if is_generation(path):
        raise UsageError(
            "this is one generation",
            where=str(path),
            hint=f"name the folder that it was imported into: {path.resolve().parent.parent}",
        )
    if (path / MANIFEST).exists():
        raise UsageError(
            "this is a wheelhouse, and has no generations",
            where=str(path),
            hint="name the folder that bundles were imported into with `wheelyard import BUNDLE --into DIR`",
        )
    raise UsageError(
        "no bundle was imported here yet", where=str(path), hint="run `wheelyard import BUNDLE --into DIR` first"
    )


def need_side(path: Path) -> None:
    """Make sure that two of these can be compared: wheelhouses, import folders, bundles and manifest files.

    :raises UsageError: if it is none of them.
    """
    need_path(path)
    if path.is_dir():
        if not (path / GENERATIONS).is_dir():
            need_wheelhouse(path)
    elif not is_bundle(str(path)):
        with path.open("rb") as stream:
            begin = stream.read(64)
        if not begin.lstrip().startswith(b"{"):
            raise UsageError(
                "this is neither a bundle nor a manifest.json",
                where=str(path),
                hint="name a wheelhouse, a folder that bundles are imported into, a bundle or a manifest.json",
            )
