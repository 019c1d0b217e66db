"""The main job: a list of stages, each a function from values to values.

lock → fetch → build (and repair, and check) → prove → index. A stage that has nothing to do does nothing: locks carry a
digest of their inputs, blobs and builds and proofs are kept in the store under theirs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.build import records, twins
from wheelyard.build.build import build_all
from wheelyard.build.cross import archive
from wheelyard.build.model import BuildUnit, BuiltWheel
from wheelyard.build.toolchains import Toolchains
from wheelyard.build.units import limits_of, recipes_of, units_of
from wheelyard.bundle.installers import installers
from wheelyard.config.model import Config
from wheelyard.errors import Failures, ProofError
from wheelyard.events import Reporter, StageFinished, StageStarted, silent
from wheelyard.index import carried, shelf
from wheelyard.index.assemble import Contents, contents
from wheelyard.index.model import Folder, Published, Site
from wheelyard.index.publish import publish
from wheelyard.lock import pylock, requirements_txt
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.lock.model import Lock, LockedFile, LockedPackage, with_build_requirements
from wheelyard.lock.sandboxes import Sandboxes
from wheelyard.prove import stage
from wheelyard.prove.container import Hosts
from wheelyard.prove.model import Proof
from wheelyard.prove.pips import HostPips
from wheelyard.report.provenance import provenance_json
from wheelyard.store.model import Store, default_root
from wheelyard.targets import presets
from wheelyard.targets.model import Target
from wheelyard.variants import labels, simd
from wheelyard.variants import stage as variants
from wheelyard.variants.stage import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says of one run, over what ``wheelyard.toml`` says."""

    upgrade: bool = False
    upgrade_packages: frozenset[str] = frozenset()
    fail_fast: bool = False
    prove: bool = True
    timings: bool = False
    """Say on the pages how long each build took: then the same inputs do not give the same bytes."""


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
    pythons = carried.carried_pythons(config.targets, store)
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
        toolchains.pin({name: each.image for name, each in locks.items()})
        building = (each for each in config.targets if any(one.how == "build" for one in locks[each.name].packages))
        if sdks := archive.missing(building, store):
            indexes.fetch(sdks)
        plans = make_plans(config, locks, toolchains, indexes, store=store, options=options, report=report)
        fetched = fetch_all([plan.lock for plan in plans], indexes, store=store, config=config, report=report)
        made = build_plans(plans, toolchains, store=store, options=options, report=report)
        whole = {
            plan.folder: contents(plan.lock, made.of_folder[plan.folder], target=plan.target, store=store)
            for plan in plans
        }
        for plan in plans:
            if plan.variant is not None:
                variants.check_folder(plan.variant, plan.folder, whole[plan.folder].entries, store)
        pips = HostPips(indexes, store)
        proofs = prove_folders(plans, whole, toolchains, pips, store=store, options=options, report=report)
    folders = tuple(_folder(plan, whole[plan.folder], proofs[plan.folder]) for plan in plans)
    epoch = config.build.source_date_epoch
    site = Site(
        folders=folders,
        labelled=(
            labels.labelled_folders(plans, whole, store=store, epoch=epoch, report=report)
            if config.variant_wheels
            else ()
        ),
        extra=shelf.load(config.wheelhouse).extra,  # what was mirrored or added stays
        documents=installers(store.area("installers")),
        attachments=pythons,
    )
    site = replace(site, documents={**site.documents, "provenance.json": provenance_json(site)})
    published = publish(site, store=store, into=config.wheelhouse, report=report)
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


def make_plans(
    config: Config,
    locks: Mapping[str, Lock],
    toolchains: Toolchains,
    indexes: Indexes,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> tuple[Plan, ...]:
    """Return what each folder is made from: the targets' baselines, then their variants, which are locked here.

    :raises VariantError: if a variant cannot be had for a target; with several, Failures.
    """
    baselines = tuple(
        Plan(folder=target.name, target=target, config=config, lock=locks[target.name]) for target in config.targets
    )
    if not config.variants:
        return baselines

    def lock_one(derived: Config) -> Lock:
        backends = Sandboxes(derived, store, indexes, report=report)
        # Versions are pinned to the baseline's: only what they are built with is ever upgraded here.
        found = lock(derived, client=indexes, store=store, backends=backends, report=report, upgrade=options.upgrade)
        return found[derived.targets[0].name]

    def image_of(target: Target) -> variants.Image:
        return _image(toolchains, target, scratch)

    with store.scratch() as scratch:
        return (*baselines, *variants.lock_variants(config, locks, image_of, lock_one))


def _image(toolchains: Toolchains, target: Target, scratch: Path) -> variants.Image:
    toolchain = toolchains(target)
    return variants.Image(sandbox_for=toolchain.sandbox, scratch=scratch, installs=toolchain.image_pin is not None)


def fetch_all(
    locks: Iterable[Lock], indexes: Indexes, *, store: Store, config: Config, report: Reporter
) -> tuple[LockedFile, ...]:
    """Bring every file of the locks into the store and return those that were not there.

    :raises Failures: what went wrong with each file.
    """
    from wheelyard.fetch.fetch import fetch

    packages = [each for lock in locks for each in with_build_requirements((*lock.packages, *_pip(lock)))]
    wanted = {file.sha256: file for each in packages for file in each.files}
    missing = tuple(file for digest, file in wanted.items() if not store.has(digest))
    if missing:
        fetch(missing, store=store, client=indexes.client, root=config.root, report=report)
    return missing


def _pip(lock: Lock) -> tuple[LockedPackage, ...]:
    return () if lock.pip is None else (lock.pip,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of the sdists of all locks."""

    of_folder: Mapping[str, Mapping[str, BuiltWheel]]
    """By folder and normalised name."""
    built: int
    reused: int


def _units(plan: Plan, toolchains: Toolchains, *, store: Store, report: Reporter) -> tuple[BuildUnit, ...]:
    """Return what is to be built for one folder."""
    if not any(package.how == "build" for package in plan.lock.packages):
        return ()
    toolchain = toolchains(plan.target)
    recipes = recipes_of(plan.config)
    if plan.variant is not None:
        with store.scratch() as scratch:
            image = _image(toolchains, plan.target, scratch)
            recipes = variants.recipes(
                plan.config, plan.target, plan.variant, plan.lock, store=store, image=image, report=report
            )
    epoch = plan.config.build.source_date_epoch
    builds_on = toolchains.builds_on(plan.target)
    return units_of(
        plan.lock,
        plan.target,
        recipes,
        toolchain.identity,
        builds_on=builds_on,
        tools=recipes_of(plan.config, to_build=True),
        epoch=epoch,
    )


def build_plans(
    plans: Sequence[Plan], toolchains: Toolchains, *, store: Store, options: Options, report: Reporter
) -> Made:
    """Build every sdist of every folder, and what those need to be built; a key that was built before is reused.

    :raises Failures: with the error of each build that failed, after the others.
    """
    units = {plan.folder: _units(plan, toolchains, store=store, report=report) for plan in plans}
    settings = plans[0].config.build
    every = {unit.key: unit for each in units.values() for unit in each}
    if not every:
        return Made(of_folder={name: {} for name in units}, built=0, reused=0)
    reused = sum(records.load(store, key) is not None for key in every)
    report(StageStarted(stage="build", jobs=len(every)))
    wheels = build_all(
        tuple(every.values()),
        store=store,
        sandbox_for=lambda unit: toolchains(unit.target).sandbox(unit.recipe),
        interpreter_for=lambda unit: toolchains(unit.target).python,
        limits=limits_of(settings),
        jobs=settings.jobs or os.cpu_count() or 1,
        fail_fast=options.fail_fast,
        report=report,
        epoch=settings.source_date_epoch,
    )
    report(StageFinished(stage="build"))
    if not options.timings:
        wheels = {key: replace(wheel, seconds=0.0) for key, wheel in wheels.items()}
    of_folder = {
        plan.folder: twins.Built(
            target=plan.target,
            wheels={
                unit.package.name: wheels[unit.key]
                for unit in units[plan.folder]
                if unit.package in plan.lock.packages and unit.target == plan.target
            },
        )
        for plan in plans
    }
    return Made(
        of_folder=twins.settle(of_folder, store, epoch=settings.source_date_epoch),
        built=len(every) - reused,
        reused=reused,
    )


def prove_folders(
    plans: Sequence[Plan],
    whole: Mapping[str, Contents],
    toolchains: Toolchains,
    pips: HostPips,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> Mapping[str, Proof]:
    """Prove every folder; of a variant also its BLAS, and nothing of one whose level this CPU lacks.

    :raises ProofError: if one does not install, import or calculate; with several, Failures.
    """
    if not options.prove:
        return {name: Proof(target=name, outcome="not run", reason="left out by --no-prove") for name in whole}
    proofs = stage.prove_all(
        [_question(plan, whole[plan.folder]) for plan in plans],
        store=store,
        sandbox=toolchains.local_sandbox,
        hosts=Hosts(plans[0].config.build),
        host_pip=pips,
        report=report,
    )
    failed = tuple(
        ProofError(proof.reason, where=f"targets/{name}", hint=proof.hint or "--no-prove publishes unproven")
        for name, proof in proofs.items()
        if proof.outcome == "failed"
    )
    if failed:
        raise failed[0] if len(failed) == 1 else Failures(failed)
    return proofs


def _question(plan: Plan, whole: Contents) -> stage.Question:
    rules = plan.config.packages.items()
    return stage.Question(
        folder=plan.folder,
        target=plan.target,
        contents=whole,
        requirements_txt=requirements_txt.dumps(whole.lock),
        imports={name: rule.imports for name, rule in rules if rule.imports is not None},
        variant=plan.variant,
        blas_modules=variants.modules_of(plan, {name: facts.modules for name, facts in whole.facts.items()}),
    )


def _folder(plan: Plan, whole: Contents, proof: Proof) -> Folder:
    return Folder(
        name=plan.folder,
        target=plan.target,
        variant=plan.variant.name if plan.variant else None,
        simd=simd.for_host(plan.variant.simd) if plan.variant else None,
        entries=whole.entries,
        requirements_txt=requirements_txt.dumps(whole.lock),
        pylock_toml=pylock.dumps(whole.lock),
        proof=proof,
        pip=whole.pip,
        python_archive=carried.place(plan.target),
    )


def only_targets(config: Config, names: tuple[str, ...]) -> Config:
    """Return the configuration with only the named targets; a name it does not have is taken as a preset's.

    :raises ConfigError: if it is neither.
    """
    known = {target.name: target for target in config.targets}
    return replace(config, targets=tuple(known.get(name) or presets.target(name) for name in names))
