"""Crates as a directory source (what ``cargo vendor`` makes), and the configuration that puts it in their place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import tomli_w

from wheelyard.domain.errors import WheelError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch.cargo.lock_file import VENDORED, index_of, repository_of
from wheelyard.sdist.unpack import unpack_sdist


def lay_out(blobs: Mapping[Prefetched, Path], root: Path) -> Mapping[str, str]:
    """Unpack crates below a workspace, and write a home of cargo there that has them in place of every registry.

    The source tree is not touched: cargo reads its own ``.cargo/config.toml`` first, then this one.

    :raises WheelError: if an archive is damaged, hostile, or not the crate that it should be.
    """
    crates, home = root / "crates", root / "cargo"
    by_source: dict[str, list[Prefetched]] = {}
    for crate in blobs:
        by_source.setdefault(crate.source, []).append(crate)
    sources: dict[str, dict[str, str]] = {}
    for number, own in enumerate(by_source.values()):
        folder = crates / str(number)
        folder.mkdir(parents=True)
        for crate in own:
            _unpack(crate, blobs[crate], folder)
        name = f"wheelyard-{number}"
        key, table = _replaced(own[0])
        sources[key] = {**table, "replace-with": name}
        sources[name] = {"directory": str(folder)}
    config = {
        "source": sources,
        "net": {"offline": True},
        # These paths differ from user to user; what is compiled must not.
        "build": {"rustflags": [f"--remap-path-prefix={root}=."]},
    }
    home.mkdir()
    (home / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    return {"CARGO_HOME": str(home)}


def _replaced(crate: Prefetched) -> tuple[str, dict[str, str]]:
    """Return the table of configuration that means the source of a crate, with its key."""
    repository = repository_of(crate)
    if repository is not None:
        address, asked = repository
        return crate.source, {"git": address, **asked}
    index = index_of(crate)
    return ("crates-io", {}) if index is None else (crate.source, {"registry": index})


def _unpack(crate: Prefetched, archive: Path, folder: Path) -> None:
    top = f"{crate.name}-{crate.version}"
    if (folder / top).exists():
        return  # two locks pin it
    unpacked = unpack_sdist(archive, folder, filename=f"{top}.crate")
    if unpacked.name != top:
        raise WheelError(f"its top folder is {unpacked.name!r}, the lock says {top!r}", where=f"{top}.crate")
    # The files were hashed together, as the archive; cargo compares this with the lock.
    kind, _, digest = crate.checksum.partition(":")
    record: dict[str, object] = {"files": {}, "package": digest if kind == "sha256" else None}
    (unpacked / VENDORED).unlink(missing_ok=True)
    (unpacked / VENDORED).write_text(json.dumps(record))
