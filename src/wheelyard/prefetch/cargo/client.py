"""Crates by cargo itself, which knows the registry, mirror, proxy and token that this machine is configured for.

Cargo is given names, versions and addresses, in a project of ours with nothing of the sdist in it, and told to fetch:
that compiles and runs nothing. What it has then is taken over where it has the lock's checksum, and only there.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from wheelyard.domain.command import Completed
from wheelyard.domain.errors import HashMismatchError, ToolError, UpstreamError, WheelyardError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.io import files
from wheelyard.io import process as door
from wheelyard.prefetch.cargo.lock_file import LOCK, VENDORED, carries_crates, index_of, repository_of
from wheelyard.prefetch.kept import keep
from wheelyard.prefetch.protocol import Errand, last_words
from wheelyard.prefetch.reading import toml_of

_OURS = "wheelyard-fetches"
_PATIENCE = 1800.0
"""Seconds for a whole set of crates."""
_OTHER = re.compile(r"failed to verify the checksum of `([^`]+)`|checksum for `([^`]+)` (?:changed|was not)")


def fetch(packages: Sequence[Prefetched], errand: Errand) -> None:
    """Bring crates into the store; see :class:`wheelyard.prefetch.protocol.Registry`."""
    for number, lock in enumerate(dict.fromkeys(crate.lock for crate in packages)):
        # Of one lock, all go together; two locks may have versions that do not.
        _fetch([crate for crate in packages if crate.lock == lock], errand, errand.folder / str(number))


def _fetch(packages: Sequence[Prefetched], errand: Errand, folder: Path) -> None:
    project = folder / "project"
    project.mkdir(parents=True)
    (project / "Cargo.toml").write_text(tomli_w.dumps(_manifest(packages)), encoding="utf-8")
    (project / LOCK).write_text(tomli_w.dumps(_lock(packages)), encoding="utf-8")
    (project / "lib.rs").touch()
    manifest = ("--manifest-path", str(project / "Cargo.toml"))
    _run(errand, "fetch", *manifest)
    sources = _Sources.of(errand.root)
    left = [crate for crate in packages if not (_taken(crate, sources, errand) or _copied(crate, sources, errand))]
    for crate in left:
        if crate.checksum.startswith("sha256:"):
            raise UpstreamError(
                f"cargo has not fetched {crate.title}",
                where=errand.where,
                hint="is it in the registry that cargo is configured for?",
            )
    if left:
        vendored = folder / "vendored"
        _run(errand, "vendor", "--versioned-dirs", "--respect-source-config", *manifest, str(vendored))
        for crate in left:
            # The commit names its content, and git has compared that.
            packed = _packed(vendored / f"{crate.name}-{crate.version}", f"{crate.name}-{crate.version}")
            keep(errand.store, crate, errand.store.add_bytes(packed))


def _manifest(packages: Sequence[Prefetched]) -> dict[str, Any]:
    return {
        "package": {"name": _OURS, "version": "0.0.0", "edition": "2018"},
        "lib": {"path": "lib.rs"},
        "dependencies": {f"crate{number}": _dependency(crate) for number, crate in enumerate(packages)},
        "workspace": {},  # whatever lies above is no part of it
    }


def _dependency(crate: Prefetched) -> dict[str, Any]:
    wanted: dict[str, Any] = {"package": crate.name, "version": f"={crate.version}", "default-features": False}
    repository = repository_of(crate)
    if repository is not None:
        return {**wanted, "git": repository[0], "rev": crate.checksum.removeprefix("git:")}
    index = index_of(crate)
    return wanted if index is None else {**wanted, "registry-index": index}


def _lock(packages: Sequence[Prefetched]) -> dict[str, Any]:
    """Return a lock of our project: a crate that was withdrawn since is to be had by who has it locked."""
    entries = [
        {
            "name": crate.name,
            "version": crate.version,
            "source": crate.source,
            "checksum": crate.checksum.removeprefix("sha256:"),
        }
        for crate in packages
        if crate.checksum.startswith("sha256:")
    ]
    dependencies = [f"{entry['name']} {entry['version']} ({entry['source']})" for entry in entries]
    own = {"name": _OURS, "version": "0.0.0", "dependencies": dependencies}
    return {"version": 3, "package": [*entries, own]}


def _run(errand: Errand, *words: str) -> Completed:
    """Run cargo.

    :raises ToolError: if it is not here.
    :raises HashMismatchError: if it says that a crate is not what its registry promises.
    :raises UpstreamError: if it fails in another way.
    """
    program = shutil.which("cargo")
    if program is None:
        raise ToolError(
            "it takes crates from a registry, which cargo fetches, and there is no cargo here",
            where=errand.where,
            hint="dnf install cargo, apt install cargo, or rustup",
        )
    env = {**os.environ, "CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never"}
    done = door.run([program, *words], cwd=errand.root, env=env, merge=True, timeout=_PATIENCE)
    if done.returncode != 0 or done.timed_out:
        raise _failure(done, words[0], errand)
    return done


def _failure(done: Completed, word: str, errand: Errand) -> WheelyardError:
    if match := _OTHER.search(done.output):
        return HashMismatchError(
            f"the crate {match[1] or match[2]} is not what its registry promises:\n{last_words(done)}",
            where=errand.where,
            hint="it was changed or damaged on its way: do not use this registry before you know why",
        )
    return UpstreamError(
        f"cargo {word} failed:\n{last_words(done)}",
        where=errand.where,
        hint="cargo asks the registry that it is configured for: $CARGO_HOME/config.toml, [source] replace-with",
    )


def _home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where cargo has crates on this machine: its cache, and what its configuration names in place of a registry."""

    archives: tuple[Path, ...]
    """Folders of ``NAME-VERSION.crate``."""
    directories: tuple[Path, ...]
    """Folders of unpacked crates, each with a record of the archive that it was."""

    @classmethod
    def of(cls, root: Path) -> _Sources:
        """Return those that cargo has when it is run in a folder."""
        homes = [_home(), *(place / ".cargo" for place in (root.absolute(), *root.absolute().parents))]
        tables = [
            (home.parent, table)
            for home in homes
            for config in (home / "config.toml", home / "config")
            if config.is_file()
            for table in tomllib.loads(config.read_text(encoding="utf-8")).get("source", {}).values()
        ]
        cache = sorted((_home() / "registry" / "cache").glob("*"))
        return cls(
            (*cache, *(base / table["local-registry"] for base, table in tables if "local-registry" in table)),
            tuple(base / table["directory"] for base, table in tables if "directory" in table),
        )


def _taken(crate: Prefetched, sources: _Sources, errand: Errand) -> bool:
    """Put a crate's archive into the store, if there is one; its checksum says which it is."""
    kind, _, digest = crate.checksum.partition(":")
    if kind != "sha256":
        return False
    archives = [folder / f"{crate.name}-{crate.version}.crate" for folder in sources.archives]
    there = [archive for archive in archives if archive.is_file()]
    right = next((archive for archive in there if files.sha256(archive) == digest), None)
    if right is not None:
        errand.store.add_file(right, sha256=digest)
    elif there:
        raise _another(crate, f"{files.sha256(there[0])} is in {there[0]}", errand)
    return right is not None


def _copied(crate: Prefetched, sources: _Sources, errand: Errand) -> bool:
    """Put a crate of a directory into the store, if there is one: with the archive that it was, and each file checked.

    Nobody can hash that archive again; whoever filled the directory has.
    """
    kind, _, digest = crate.checksum.partition(":")
    if kind != "sha256":
        return False
    names = (f"{crate.name}-{crate.version}", crate.name)
    there = [path for folder in sources.directories for name in names if (path := folder / name / VENDORED).is_file()]
    records = {path.parent: json.loads(path.read_bytes()) for path in there}
    right = next((folder for folder, record in records.items() if record.get("package") == digest), None)
    if right is not None:
        for name, promised in records[right].get("files", {}).items():
            if files.sha256(right / name) != promised:
                raise _another(crate, f"{name} was changed in {right}", errand)
        keep(errand.store, crate, errand.store.add_bytes(_packed(right, names[0])))
    elif there:
        raise _another(crate, f"{next(iter(records.values())).get('package')} is in {there[0].parent}", errand)
    return right is not None


def _another(crate: Prefetched, there: str, errand: Errand) -> HashMismatchError:
    return HashMismatchError(
        f"Cargo.lock says {crate.checksum}, but {there}",
        where=f"{errand.where}: {crate.title}",
        hint="the registry has another crate of this version than the one that was locked: find out why",
    )


def _packed(folder: Path, top: str) -> bytes:
    """Return a folder as a tar: the same files, the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                member = tarfile.TarInfo(f"{top}/{path.relative_to(folder).as_posix()}")
                member.size, member.mode = path.stat().st_size, 0o755 if os.access(path, os.X_OK) else 0o644
                with path.open("rb") as stream:
                    archive.addfile(member, stream)
    return packed.getvalue()


def made_locks(source: Path, errand: Errand) -> Mapping[str, bytes]:
    """Return ``Cargo.lock`` for the manifests that a build will use and that have none.

    Cargo reads the manifests, and asks the registry what there is; it is run elsewhere, so that no configuration and no
    choice of a toolchain in the tree counts.
    """
    made: dict[str, bytes] = {}
    for manifest in _manifests(source, errand.where):
        above = [manifest.parent, *(parent for parent in manifest.parent.parents if parent.is_relative_to(source))]
        if any((folder / LOCK).is_file() for folder in above) or carries_crates(manifest.parent, source, errand.where):
            continue
        _run(errand, "generate-lockfile", "--manifest-path", str(manifest))
        lock = next(folder / LOCK for folder in above if (folder / LOCK).is_file())
        made[lock.relative_to(source).as_posix()] = _for_older(lock.read_bytes())
    return made


def _for_older(lock: bytes) -> bytes:
    """Return a lock as the cargo of an older image reads it: versions 3 and 4 spell addresses of git differently."""
    return lock if b'"git+' in lock else lock.replace(b"\nversion = 4\n", b"\nversion = 3\n", 1)


def _manifests(source: Path, where: str) -> Iterator[Path]:
    """Yield the manifests that maturin or setuptools-rust build: those that the project names, else where they look."""
    project = source / "pyproject.toml"
    tools = toml_of(project, source, where).get("tool", {}) if project.is_file() else {}
    named = []
    if isinstance(tools, dict):
        named.append(tools.get("maturin", {}).get("manifest-path"))
        rust = tools.get("setuptools-rust", {})
        named += [each.get("path") for key in ("ext-modules", "bins") for each in rust.get(key, ())]
    for name in [name for name in named if isinstance(name, str)] or ["Cargo.toml", "rust/Cargo.toml"]:
        manifest = source / name
        if ".." not in manifest.parts and manifest.is_file() and manifest.is_relative_to(source):
            yield manifest
