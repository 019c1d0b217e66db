"""The main job: a list of stages, each a function from values to values.

lock → fetch → build (and repair, and check) → prove → index. A stage that has nothing to do does nothing: locks carry a
digest of their inputs, blobs and builds and proofs are kept in the store under theirs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.build import records
from wheelyard.build.build import build_all
from wheelyard.build.model import BuildUnit, BuiltWheel
from wheelyard.build.toolchains import Toolchains
from wheelyard.build.units import limits_of, recipes_of, units_of
from wheelyard.config.model import Config
from wheelyard.errors import Failures, ProofError
from wheelyard.events import Reporter, StageFinished, StageStarted, silent
from wheelyard.index.assemble import Contents, contents
from wheelyard.index.model import Folder, Published, Site
from wheelyard.index.publish import publish
from wheelyard.lock import pylock, requirements_txt
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.lock.model import Lock, LockedFile, LockedPackage
from wheelyard.lock.sandboxes import Sandboxes
from wheelyard.prove import stage
from wheelyard.prove.model import Proof
from wheelyard.prove.pips import HostPips
from wheelyard.store.model import Store, default_root
from wheelyard.targets import presets
from wheelyard.targets.model import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says of one run, over what ``wheelyard.toml`` says."""

    upgrade: bool = False
    upgrade_packages: frozenset[str] = frozenset()
    fail_fast: bool = False
    prove: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run came to."""

    wheelhouse: Path
    folders: tuple[Folder, ...]
    fetched: int
    fetched_bytes: int
    built: int
    reused: int
    """Builds taken from the store."""
    published: Published
    seconds: float


def run(config: Config, options: Options = Options(), *, report: Reporter = silent) -> Outcome:
    """Do the main job: from a configuration to a published wheelhouse.

    :raises WheelyardError: whatever a stage raises. The earlier wheelhouse is then as it was, and what was fetched and
        built is kept in the store for the next run.
    """
    started = time.monotonic()
    store = Store(default_root())
    toolchains = Toolchains(config.build, report)
    with Indexes(config, store, report=report) as indexes:
        locks = lock(
            config,
            client=indexes,
            store=store,
            backends=Sandboxes(config, store, indexes, report=report),
            report=report,
            upgrade=options.upgrade,
            upgrade_packages=options.upgrade_packages,
        )
        fetched = fetch_all(locks.values(), indexes, store=store, config=config, report=report)
        made = build_locks(config, locks, toolchains, store=store, fail_fast=options.fail_fast, report=report)
        whole = {name: contents(locks[name], made.of_target[name], store=store) for name in locks}
        pips = HostPips(indexes, store)
        proofs = prove_folders(config, whole, toolchains, pips, store=store, options=options, report=report)
    folders = tuple(_folder(target, whole[target.name], proofs[target.name]) for target in config.targets)
    published = publish(Site(folders=folders), store=store, into=config.wheelhouse, report=report)
    return Outcome(
        wheelhouse=config.wheelhouse,
        folders=folders,
        fetched=len(fetched),
        fetched_bytes=sum(store.path(each.sha256).stat().st_size for each in fetched),
        built=made.built,
        reused=made.reused,
        published=published,
        seconds=time.monotonic() - started,
    )


def fetch_all(
    locks: Iterable[Lock], indexes: Indexes, *, store: Store, config: Config, report: Reporter
) -> tuple[LockedFile, ...]:
    """Bring every file of the locks into the store and return those that were not there.

    :raises Failures: what went wrong with each file.
    """
    from wheelyard.fetch.fetch import fetch

    wanted = {each.file.sha256: each.file for lock in locks for each in _every((*lock.packages, *_pip(lock)))}
    missing = tuple(file for digest, file in wanted.items() if not store.has(digest))
    if missing:
        report(StageStarted(stage="fetch", jobs=len(missing), bytes=sum(file.size or 0 for file in missing)))
        fetch(missing, store=store, client=indexes.client, root=config.root, report=report)
        report(StageFinished(stage="fetch"))
    return missing


def _pip(lock: Lock) -> tuple[LockedPackage, ...]:
    return () if lock.pip is None else (lock.pip,)


def _every(packages: Iterable[LockedPackage]) -> Iterator[LockedPackage]:
    """Yield packages and all that is needed to build them."""
    for package in packages:
        yield package
        yield from _every(package.build_requirements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of the sdists of all locks."""

    of_target: Mapping[str, Mapping[str, BuiltWheel]]
    """By target and normalised name."""
    built: int
    reused: int


def build_locks(
    config: Config,
    locks: Mapping[str, Lock],
    toolchains: Toolchains,
    *,
    store: Store,
    fail_fast: bool,
    report: Reporter,
) -> Made:
    """Build every sdist of every lock, and what those need to be built; a key that was built before is reused.

    :raises Failures: with the error of each build that failed, after the others.
    """
    epoch = config.build.source_date_epoch
    units: dict[str, tuple[BuildUnit, ...]] = {}
    for target in config.targets:
        found = locks[target.name]
        if any(package.how == "build" for package in found.packages):
            identity = toolchains(target).identity
            units[target.name] = units_of(found, target, recipes_of(config), identity, epoch=epoch)
    every = {unit.key: unit for each in units.values() for unit in each}
    if not every:
        return Made(of_target={name: {} for name in locks}, built=0, reused=0)
    reused = sum(records.load(store, key) is not None for key in every)
    report(StageStarted(stage="build", jobs=len(every)))
    wheels = build_all(
        tuple(every.values()),
        store=store,
        sandbox_for=lambda unit: toolchains(unit.target).sandbox(unit.recipe),
        interpreter_for=lambda unit: toolchains(unit.target).python,
        limits=limits_of(config.build),
        jobs=config.build.jobs or os.cpu_count() or 1,
        fail_fast=fail_fast,
        report=report,
        epoch=epoch,
    )
    report(StageFinished(stage="build"))
    of_target = {
        name: {
            unit.package.name: wheels[unit.key] for unit in units.get(name, ()) if unit.package in locks[name].packages
        }
        for name in locks
    }
    return Made(of_target=of_target, built=len(every) - reused, reused=reused)


def prove_folders(
    config: Config,
    whole: Mapping[str, Contents],
    toolchains: Toolchains,
    pips: HostPips,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> Mapping[str, Proof]:
    """Prove every target's folder.

    :raises ProofError: if one does not install or import; with several, Failures.
    """
    if not options.prove:
        return {name: Proof(target=name, outcome="not run", reason="left out by --no-prove") for name in whole}
    imports = {name: rule.imports for name, rule in config.packages.items() if rule.imports is not None}
    questions = [
        stage.Question(
            folder=target.name,
            target=target,
            contents=whole[target.name],
            requirements_txt=requirements_txt.dumps(whole[target.name].lock),
            imports=imports,
        )
        for target in config.targets
    ]
    proofs = stage.prove_all(questions, store=store, sandbox=toolchains.local_sandbox, host_pip=pips, report=report)
    failed = tuple(
        ProofError(proof.reason, where=f"target {name}", hint="nothing was published; --no-prove publishes unproven")
        for name, proof in proofs.items()
        if proof.outcome == "failed"
    )
    if failed:
        raise failed[0] if len(failed) == 1 else Failures(failed)
    return proofs


def _folder(target: Target, whole: Contents, proof: Proof) -> Folder:
    return Folder(
        name=target.name,
        target=target,
        entries=whole.entries,
        requirements_txt=requirements_txt.dumps(whole.lock),
        pylock_toml=pylock.dumps(whole.lock),
        proof=proof,
        pip=whole.pip,
    )


def only_targets(config: Config, names: tuple[str, ...]) -> Config:
    """Return the configuration with only the named targets; a name it does not have is taken as a preset's.

    :raises ConfigError: if it is neither.
    """
    known = {target.name: target for target in config.targets}
    return replace(config, targets=tuple(known.get(name) or presets.target(name) for name in names))
