"""A registry of crates on this machine, made of Debian's ``librust-*-dev``: tests may ask no other."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.trees import write_tree

DEBIAN = Path("/usr/share/cargo/registry")
"""A directory source of Cargo: each crate unpacked in ``NAME-VERSION``."""


class LocalRegistry:
    """A local registry as Cargo's ``local-registry`` takes it: ``NAME-VERSION.crate`` beside ``index/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "index").mkdir(parents=True)

    def add_debian(self, names: Collection[str] = ()) -> None:
        """Add what Debian's packages have put on this machine: crates of these names, or all."""
        for crate in sorted(DEBIAN.iterdir()):
            manifest = tomllib.loads((crate / "Cargo.toml").read_text())
            if not names or manifest["package"]["name"] in names:
                self.add(manifest, {path.relative_to(crate).as_posix(): path.read_bytes() for path in _files(crate)})

    def add_new(self, name: str, version: str, lib: str, *, needs: Mapping[str, str] | None = None) -> None:
        """Add a crate of one module."""
        manifest = {
            "package": {"name": name, "version": version, "edition": "2018"},
            "dependencies": dict(needs or {}),
        }
        lines = [f'{key} = "{value}"' for key, value in (needs or {}).items()]
        text = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2018"\n[dependencies]\n' + "\n".join(
            lines
        )
        self.add(manifest, {"Cargo.toml": text.encode(), "src/lib.rs": lib.encode()})

    def add(self, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Add a crate with its line of the index."""
        name, version = manifest["package"]["name"], manifest["package"]["version"]
        content = crate_archive(f"{name}-{version}", files)
        (self.folder / f"{name}-{version}.crate").write_bytes(content)
        line = {
            "name": name,
            "vers": version,
            "deps": [*_dependencies(manifest)],
            "cksum": hashlib.sha256(content).hexdigest(),
            "features": manifest.get("features", {}),
            "yanked": False,
            "links": manifest["package"].get("links"),
        }
        # ``dep:`` and ``?`` are of the second form of an index, which has them apart (RFC 3143).
        newer = {key: value for key, value in line["features"].items() if any("dep:" in v or "?" in v for v in value)}
        if newer:
            line["features"] = {key: value for key, value in line["features"].items() if key not in newer}
            line |= {"features2": newer, "v": 2}
        place = self.folder / "index" / index_path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def configure(self, home: Path) -> Path:
        """Make a home of Cargo whose only registry is this one, and return it."""
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(
            f'[source.crates-io]\nreplace-with = "local"\n[source.local]\nlocal-registry = "{self.folder}"\n'
        )
        return home


def with_lock(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the files of a project with the ``Cargo.lock`` that cargo makes for them."""
    write_tree(folder, {name: text for name, text in files.items() if name != "Cargo.lock"})
    command = ["cargo", "generate-lockfile", "--manifest-path", str(folder / "Cargo.toml")]
    subprocess.run(command, check=True, capture_output=True)
    return {**files, "Cargo.lock": (folder / "Cargo.lock").read_text()}


def crate_archive(top: str, files: Mapping[str, bytes]) -> bytes:
    """Return a ``.crate``: a compressed tar of one folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 1, mtime=0)


def index_path(name: str) -> str:
    """Return where a crate's lines are in an index."""
    low = name.lower()
    if len(low) < 4:
        return f"{len(low)}/{low[0]}/{low}" if len(low) == 3 else f"{len(low)}/{low}"
    return f"{low[:2]}/{low[2:4]}/{low}"


def _files(crate: Path) -> Iterator[Path]:
    return (
        path
        for path in crate.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".cargo-checksum.json"
    )


def _dependencies(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    tables = [(None, manifest), *manifest.get("target", {}).items()]
    for target, table in tables:
        for key, kind in (("dependencies", "normal"), ("build-dependencies", "build")):
            for alias, said in table.get(key, {}).items():
                said = {"version": said} if isinstance(said, str) else said
                line = {
                    "name": alias,
                    "req": said.get("version", "*"),
                    "features": said.get("features", []),
                    "optional": said.get("optional", False),
                    "default_features": said.get("default-features", True),
                    "target": target,
                    "kind": kind,
                }
                yield line | ({"package": said["package"]} if "package" in said else {})
