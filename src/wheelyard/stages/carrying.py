"""What a wheelhouse carries besides wheels: the sources that it was made of, and Wheelyard itself."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.version import Version

from wheelyard import __version__
from wheelyard.bundle import manifest as manifests
from wheelyard.bundle import sources
from wheelyard.bundle.sources import CarriedPackage, SourceFile, SourceList
from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.errors import ConfigError, NoCandidateError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import Lock, LockedFile
from wheelyard.domain.site import Site
from wheelyard.domain.target import Target
from wheelyard.host.manifest import MANIFEST, SIGNATURE
from wheelyard.index import site_state
from wheelyard.index.publish import publish
from wheelyard.io import files
from wheelyard.lock import pylock, requirements_txt
from wheelyard.lock.candidates import remote
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.inputs import own_files
from wheelyard.lock.lock import read as read_lock
from wheelyard.prefetch.kept import keep, kept
from wheelyard.prove.pips import HostPips, remember
from wheelyard.schema.problems import noting_files
from wheelyard.sdist import tree
from wheelyard.stages import main_job
from wheelyard.stages.fetching import bring_from_elsewhere, files_of
from wheelyard.stages.options import Options
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.targets.here import this_machine
from wheelyard.targets.tags import newest_pip

ITSELF = "wheelyard"
"""The folder of a wheelhouse that has Wheelyard itself: a small wheelhouse of its own."""
_OLDEST_PYTHON = Version("3.11")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cargo:
    """Files of a site, besides its wheels."""

    documents: Mapping[str, bytes] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)


def carry(
    wheelhouse: Path,
    *,
    sources_of: Path | None = None,
    itself: bool = False,
    keys: Sequence[Path] = (),
    store: Store | None = None,
    report: Reporter = silent,
) -> None:
    """Put sources, or Wheelyard itself, into a wheelhouse that was made here; the next ``build`` takes them out again.

    :param sources_of: the configuration of the wheelhouse; None: no sources.
    :param keys: SSH keys to sign with.
    :raises ConfigError: if a target of the configuration is not locked, or something of it cannot be carried.
    :raises WheelyardError: if a file cannot be had, or Wheelyard itself not be built.
    """
    store = replace(store or Store(), report=report)
    site = site_state.load(wheelhouse)
    cargo = [_sources(sources_of, store, report)] if sources_of is not None else []
    cargo += [_itself(site, keys, store, report)] if itself else []
    ours = tuple(f"{name}/" for name in (*([sources.FOLDER] if sources_of else ()), *([ITSELF] if itself else ())))
    documents = {path: content for path, content in site.documents.items() if not path.startswith(ours)}
    attachments = {path: sha256 for path, sha256 in site.attachments.items() if not path.startswith(ours)}
    for each in cargo:
        documents |= each.documents
        attachments |= each.attachments
    publish(
        replace(site, documents=documents, attachments=attachments),
        store=store,
        into=wheelhouse,
        keys=keys,
        report=report,
    )


def unpack(carried: Path, into: Path, *, store: Store | None = None, force: bool = False) -> Path:
    """Put the sources that a wheelhouse carries into a folder and the store, and return the configuration.

    What it says is then locked, and built without a network.

    :param carried: the wheelhouse, or the folder that a bundle was imported into.
    :param force: replace files that are there.
    :raises ConfigError: if the wheelhouse carries no sources, or a file is there already.
    :raises VerificationError: if their list is damaged.
    :raises HashMismatchError: if a file is not what the list says.
    """
    store = store or Store()
    listed = sources.unpack(carried, into, store, force=force)
    for version, file in listed.pips.items():
        remember(store, version, file.name, file.sha256)
    for each in listed.prefetched:
        keep(store, each.package, each.sha256)
    return into / listed.config


def _sources(path: Path, store: Store, report: Reporter) -> _Cargo:
    with noting_files() as read:
        config = load(path)
    locks = {path: lock for target in config.targets for path, lock in _locks(config, target)}
    needed = {digest: file for lock in locks.values() for digest, file in files_of(lock).items()}
    pythons = {
        target.carried.python.sha256: Path(target.carried.python.archive).name
        for target in config.targets
        if target.carried.python
    }
    with Indexes(config, store, report=report) as indexes:
        indexes.fetch(remote(file, config.root) for digest, file in needed.items() if not store.has(digest))
        carried_pips = _pips(config, HostPips(indexes, store))
    elsewhere = _elsewhere(config, locks.values(), store)
    named = {digest: file.filename for digest, file in needed.items()}
    named |= {each.sha256: each.package.title for each in elsewhere} | pythons
    named |= {sha256: filename for filename, sha256 in carried_pips.values()}
    paths = {
        Path(os.path.normpath(config.path)),
        *read,
        *locks,
        *_beside(config, locks, needed.values()),
        *_required(config),
    }
    root = os.path.normpath(config.root)
    top = Path(os.path.commonpath([root, *(str(path.parent) for path in paths)]))
    if top == Path(top.anchor):
        raise ConfigError(
            "what it is read from lies all over this machine, and cannot be carried as one folder",
            where=config.path.name,
            hint="put requirements files and patches beside it",
        )
    with store.scratch() as scratch:
        yard = store.add_file(sources.pack_yard(paths, top, scratch / "yard.tar"))
    listed = SourceList(
        config=Path(os.path.normpath(config.path)).relative_to(top).as_posix(),
        yard=yard,
        files=tuple(SourceFile(name=name, sha256=digest) for digest, name in sorted(named.items())),
        pips={version: SourceFile(name=name, sha256=digest) for version, (name, digest) in carried_pips.items()},
        prefetched=elsewhere,
    )
    return _Cargo(
        documents={sources.LIST: sources.dump(listed)},
        attachments={sources.YARD: yard, **{sources.place_of(digest): digest for digest in named}},
    )


def _elsewhere(config: Config, locks: Iterable[Lock], store: Store) -> tuple[CarriedPackage, ...]:
    """Return what the builds take from registries of other languages; it is in the store then."""
    brought = {each for lock in locks for each in bring_from_elsewhere(lock, config, store=store, root=config.root)}
    digests = {package: kept(store, package) for package in sorted(brought)}
    return tuple(CarriedPackage(package=package, sha256=sha256) for package, sha256 in digests.items() if sha256)


def _pips(config: Config, pips: HostPips) -> dict[str, tuple[str, str]]:
    """Return file name and SHA-256 of the pips that the targets are proven with, by version."""
    found = {}
    for target in config.targets:
        version = target.pip or newest_pip(target.python)
        with contextlib.suppress(NoCandidateError):  # nothing was proven with it here either
            found[version] = pips(version)
    return found


def _locks(config: Config, target: Target) -> Iterator[tuple[Path, Lock]]:
    """Yield the lock files of a target and its variants, which lie beside the configuration."""
    found = sorted(config.root.glob(pylock.filename(f"{target.name}*")))
    if config.root / pylock.filename(target.name) not in found:
        raise ConfigError("is not locked", where=f"target {target.name}", hint="run wheelyard build first")
    for path in found:
        lock = read_lock(config, path.name.removeprefix("pylock.").removesuffix(".toml"))
        if lock is not None:
            yield path, lock


def _beside(config: Config, locks: Mapping[Path, Lock], needed: Iterable[LockedFile]) -> Iterator[Path]:
    """Yield what lies beside the locks and belongs to them."""
    listed = (config.root / requirements_txt.filename(lock.target) for lock in locks.values())
    made = (config.root / file.path for file in needed if file.path and not file.index and ".." not in file.path)
    yield from (path for path in (*listed, *made) if path.is_file())


def _required(config: Config) -> Iterator[Path]:
    """Yield the files and folders of this machine that a configuration names, besides those that it is read from."""
    yield from (config.root / patch for rule in config.rules.values() for patch in rule.patches)
    for wanted in (*config.requirements, *config.constraints):
        local = config.root / wanted.direct if wanted.direct and "://" not in wanted.direct else None
        if local is not None and local.is_dir():
            yield from tree.paths(local, own_files(config))
        elif local is not None:
            yield Path(os.path.normpath(local))
    for index in config.indexes:
        if index.url.startswith("file:"):  # the files that were taken from it are in the store
            yield Path(unquote(urlsplit(index.url).path))


def _itself(site: Site, keys: Sequence[Path], store: Store, report: Reporter) -> _Cargo:
    """Return a wheelhouse of Wheelyard, for those targets of a site that it can run on, else for this machine."""
    folder = store.area("itself")
    requirement = _own_requirement()
    files.write(folder / "wheelyard.in", f"{requirement}\n")
    targets = {folder.target.name: folder.target for folder in site.folders if _runs(folder.target)}
    chosen = tuple(targets.values()) or (this_machine(),)
    config = replace(
        load(folder / "wheelyard.in"),
        # Debian's Python has no pip of its own for a new environment.
        targets=tuple(replace(target, carried=replace(target.carried, pip=True, python=None)) for target in chosen),
        site_name=f"Wheelyard {__version__}",
    )
    with store.scratch() as scratch:
        root = scratch / ITSELF
        options = Options(keys=tuple(keys), all_or_nothing=True)
        main_job.build(replace(config, wheelhouse=root), options, store=store, report=report)
        manifest, _ = manifests.read(root)
        names = [entry.path for entry in manifest.files]
        names += [name for name in (MANIFEST, SIGNATURE) if (root / name).is_file()]
        return _Cargo(attachments={f"{ITSELF}/{name}": store.add_file(root / name) for name in names})


def _runs(target: Target) -> bool:
    family = platforms.parse(target.platform).family
    return Version(target.python.removesuffix("t")) >= _OLDEST_PYTHON and family not in ("win", "macosx")


def _own_requirement() -> str:
    """Return what installs this very Wheelyard: the folder that it runs from, or its release."""
    origin = json.loads(metadata.distribution("wheelyard").read_text("direct_url.json") or "{}")
    if "dir_info" in origin:
        return f"wheelyard @ {origin['url']}"
    return f"wheelyard=={__version__}"
