"""What changed between two wheelhouses or bundles, told by their manifests: packages, versions, sizes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename

from wheelyard.bundle.pack import base_manifest
from wheelyard.domain import wheel_name
from wheelyard.host.inspecting import wheelhouse_root
from wheelyard.host.manifest import FileEntry, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """One project that is not the same on both sides. Sizes are bytes of all its files of the pool together."""

    name: str
    change: Literal["added", "removed", "updated", "rebuilt"]
    """``rebuilt``: the same versions, other files."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    size_before: int
    size_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything that is not the same. ``new_bytes`` is what a delta has to carry at most."""

    packages: tuple[PackageChange, ...]
    targets_added: tuple[str, ...]
    targets_removed: tuple[str, ...]
    files_added: int
    files_removed: int
    files_changed: int
    size_before: int
    size_after: int
    new_bytes: int


def read_side(path: Path) -> Manifest:
    """Return the manifest of a wheelhouse, of what is published in a folder, of a bundle, or a manifest file.

    :raises VerificationError: if there is none. Signatures are not looked at: ``wheelyard check`` does that.
    """
    return base_manifest(Path(wheelhouse_root(str(path))) if path.is_dir() else path)[0]


def _project(entry: FileEntry) -> tuple[str, str] | None:
    filename = entry.path.rpartition("/")[2]
    try:
        if entry.kind == "wheel":
            wheel = wheel_name.parse(filename)
            return wheel.project, str(wheel.parsed_version)
        if entry.kind == "sdist":
            name, version = parse_sdist_filename(filename)
            return name, str(version)
    except (InvalidWheelFilename, InvalidSdistFilename):
        pass
    return None


def _pool(manifest: Manifest) -> dict[str, dict[str, tuple[str, int]]]:
    """Return project → sha256 → (version, size)."""
    found: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for entry in manifest.files:
        if project := _project(entry):
            found[project[0]][entry.sha256] = (project[1], entry.size)
    return found


def _versions(files: Mapping[str, tuple[str, int]]) -> tuple[str, ...]:
    return tuple(sorted({version for version, _ in files.values()}))


def _size(files: Mapping[str, tuple[str, int]]) -> int:
    return sum(size for _, size in files.values())


def _contents(entries: Iterable[FileEntry]) -> dict[str, int]:
    return {entry.sha256: entry.size for entry in entries}


def difference(before: Manifest, after: Manifest) -> Difference:
    """Return what changed from one manifest to another."""
    old, new = _pool(before), _pool(after)
    packages = []
    for name in sorted(old.keys() | new.keys()):
        here, there = old.get(name, {}), new.get(name, {})
        if here.keys() == there.keys():
            continue
        was, now = _versions(here), _versions(there)
        change: Literal["added", "removed", "updated", "rebuilt"] = "updated" if was != now else "rebuilt"
        packages.append(
            PackageChange(
                name=name,
                change="added" if not here else "removed" if not there else change,
                before=was,
                after=now,
                size_before=_size(here),
                size_after=_size(there),
            )
        )
    paths_before = {entry.path: entry.sha256 for entry in before.files}
    paths_after = {entry.path: entry.sha256 for entry in after.files}
    targets_before = {target.folder for target in before.targets}
    targets_after = {target.folder for target in after.targets}
    contents_before, contents_after = _contents(before.files), _contents(after.files)
    both = paths_before.keys() & paths_after.keys()
    return Difference(
        packages=tuple(packages),
        targets_added=tuple(sorted(targets_after - targets_before)),
        targets_removed=tuple(sorted(targets_before - targets_after)),
        files_added=len(paths_after.keys() - paths_before.keys()),
        files_removed=len(paths_before.keys() - paths_after.keys()),
        files_changed=sum(paths_before[path] != paths_after[path] for path in both),
        size_before=sum(contents_before.values()),
        size_after=sum(contents_after.values()),
        new_bytes=sum(size for digest, size in contents_after.items() if digest not in contents_before),
    )
