"""The main job: a list of stages, each a function from values to values.

lock → fetch → build (and repair, and check) → prove → index. A stage that has nothing to do does nothing: locks carry a
digest of their inputs, blobs and builds and proofs are kept in the store under theirs. A folder that a stage fails for
goes no further, and keeps what was published of it before; the others go on.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.build import deduplicate, records
from wheelyard.build.key import recipe_digest
from wheelyard.build.unit import limits_of, recipes_of, units_of
from wheelyard.build.worker import build_all
from wheelyard.bundle.installers import installers
from wheelyard.bundle.sign import check_keys
from wheelyard.config.model import Config
from wheelyard.domain.build import BuildUnit, BuiltWheel
from wheelyard.domain.contents import Contents
from wheelyard.domain.errors import ProofError, WheelyardError
from wheelyard.domain.events import Reporter, StageFinished, StageStarted, once, silent
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage, with_build_requirements
from wheelyard.domain.proof import Proof
from wheelyard.domain.site import Folder, LabelledFolder, Published, Site
from wheelyard.domain.target import Target
from wheelyard.index import bundled_python, names, site_state
from wheelyard.index.claim import check_place
from wheelyard.index.publish import publish
from wheelyard.lock import pylock, requirements_txt
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.prove import stage
from wheelyard.prove.container import Hosts
from wheelyard.prove.pips import HostPips
from wheelyard.report.provenance import provenance_json
from wheelyard.stages import labels, variants
from wheelyard.stages.assemble import contents
from wheelyard.stages.backends import Sandboxes
from wheelyard.stages.variants import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.targets import presets
from wheelyard.toolchain.find import Toolchains
from wheelyard.upstream.fetch import fetch
from wheelyard.variants.model import needs_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says of one run, over what ``wheelyard.toml`` says."""

    upgrade: bool = False
    upgrade_packages: frozenset[str] = frozenset()
    fail_fast: bool = False
    prove: bool = True
    all_or_nothing: bool = False
    """Publish nothing where anything is withheld."""
    keys: tuple[Path, ...] = ()
    """SSH keys to sign with, in place of the configuration's."""
    grace: float = 0
    """Seconds that a wheel which leaves stays for who has read of it already."""
    timings: bool = False
    """Say on the pages how long each build took: then the same inputs do not give the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """What one run came to."""

    wheelhouse: Path
    folders: tuple[Folder, ...]
    withheld: Mapping[str, tuple[WheelyardError, ...]]
    """By folder, in the configuration's order: what was wrong; nothing for a variant whose baseline is withheld."""
    kept: frozenset[str]
    """Of those, the folders that were published before and stay as they were."""
    fetched: int
    """Files that came into the store, to be locked or to be published."""
    fetched_bytes: int
    built: int
    reused: int
    """Builds taken from the store."""
    published: Published
    seconds: float


def build(
    config: Config, options: Options = Options(), *, store: Store | None = None, report: Reporter = silent
) -> BuildOutcome:
    """Do the main job: from a configuration to a published wheelhouse.

    What is wrong with one target withholds its folders and no others; ``BuildOutcome.withheld`` says so.

    :param store: where all that is fetched and built is kept; None: the user's own.
    :raises WheelyardError: whatever ends all of it: nothing is left to be published, or all or nothing is wanted. The
        earlier wheelhouse is then as it was, and what was fetched and built is kept in the store for the next run.
    """
    started = time.monotonic()
    report = once(report)
    check_place(config.wheelhouse)
    keys = check_keys(options.keys or config.keys)
    store = replace(store or Store(), report=report)
    earlier = site_state.load(config.wheelhouse)  # was it made here? Found out now rather than after all the work
    before = names.published(earlier)
    pythons = bundled_python.carried_pythons(config.targets, store)
    withheld = Withheld(all_or_nothing=options.all_or_nothing)
    with Indexes(config, store, report=report) as indexes:
        toolchains = Toolchains(config.build, store, report, fetch=indexes.fetch)
        plans = make_plans(config, toolchains, indexes, withheld, store=store, options=options, report=report)
        plans = withheld.left(plans)
        fetched = fetch_all(plans, indexes, withheld, store=store, config=config, report=report)
        made = build_plans(withheld.left(plans), toolchains, withheld, store=store, options=options, report=report)
        brought = indexes.brought | {file.sha256 for file in fetched}
        whole: dict[str, Contents] = {}
        for plan in withheld.left(plans):
            with withheld.unless(plan.folder):
                built = names.keep(made.of_folder[plan.folder], before, store=store, into=config.wheelhouse)
                whole[plan.folder] = _contents(plan, built, store)
                names.refuse_others(whole[plan.folder].entries, before)
        pips = HostPips(indexes, store)
        left = withheld.left(plans)
        proofs = prove_folders(left, whole, toolchains, pips, withheld, store=store, options=options, report=report)
    plans = withheld.left(plans)
    folders = tuple(_folder(plan, whole[plan.folder], proofs[plan.folder]) for plan in plans)
    wanted = _folder_names(config)
    missing = [name for name in wanted if name not in {folder.name for folder in folders}]
    labelled: tuple[LabelledFolder, ...] = ()
    if config.variant_wheels and missing:  # they are of all targets and variants together
        labelled = tuple(each for each in earlier.labelled if each.name.partition(".")[0] in wanted)
    elif config.variant_wheels:
        epoch = config.build.source_date_epoch
        labelled = labels.labelled_folders(plans, whole, store=store, epoch=epoch, report=report)
    kept = tuple(folder for folder in earlier.folders if folder.name in missing)
    both = {folder.name: folder for folder in (*folders, *kept)}
    site = Site(
        folders=tuple(both[name] for name in wanted if name in both),
        labelled=labelled,
        extra=earlier.extra,  # what was mirrored or added stays
        documents=installers(store.area("installers")),
        attachments={**_pythons_of(kept, earlier.attachments), **_pythons_of(folders, pythons)},
    )
    site = replace(site, documents={**site.documents, "provenance.json": provenance_json(site)})
    site = names.retire(site, before)
    published = publish(site, store=store, into=config.wheelhouse, keys=keys, report=report, grace=options.grace)
    return BuildOutcome(
        wheelhouse=config.wheelhouse,
        folders=folders,
        withheld={name: withheld.reasons(name) for name in missing},
        kept=frozenset(folder.name for folder in kept),
        fetched=len(brought),
        fetched_bytes=sum(store.path(each).stat().st_size for each in brought),
        built=made.built,
        reused=made.reused,
        published=published,
        seconds=time.monotonic() - started,
    )


def _folder_names(config: Config) -> tuple[str, ...]:
    """Return the names of the folders that a configuration asks for, in its order."""
    pairs = itertools.product(config.targets, config.variants)
    baselines = (target.name for target in config.targets)
    return (*baselines, *(variants.folder_name(target, variant) for target, variant in pairs))


def _pythons_of(folders: Iterable[Folder], archives: Mapping[str, str]) -> Mapping[str, str]:
    """Return the carried Pythons of some folders, by their path in the wheelhouse."""
    paths = {folder.python_archive for folder in folders}
    return {path: sha256 for path, sha256 in archives.items() if path in paths}


def make_plans(
    config: Config,
    toolchains: Toolchains,
    indexes: Indexes,
    withheld: Withheld,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> tuple[Plan, ...]:
    """Lock every target, then its variants, and return what each folder is made from."""

    def lock_one(some: Config, *, failed: Callable[[str, WheelyardError], None] | None = None) -> dict[str, Lock]:
        # A variant's versions are pinned to the baseline's: only what it is built with is ever upgraded.
        return lock(
            some,
            client=indexes,
            store=store,
            backends=Sandboxes(some, store, indexes, toolchains, report=report),
            report=report,
            upgrade=options.upgrade,
            upgrade_packages=options.upgrade_packages if some is config else (),
            failed=failed,
        )

    def lock_variant(derived: Config) -> Lock:
        return lock_one(derived)[derived.targets[0].name]

    def image_of(target: Target) -> variants.Image:
        return _image(toolchains, target, scratch)

    locks = lock_one(config, failed=None if options.all_or_nothing else withheld.add)
    toolchains.pin({name: each.image for name, each in locks.items()})
    baselines = tuple(
        Plan(folder=target.name, target=target, config=config, lock=locks[target.name])
        for target in config.targets
        if target.name in locks
    )
    baselines = withheld.left(baselines)
    if not config.variants:
        return baselines
    good = {plan.folder: plan.lock for plan in baselines}
    with store.scratch() as scratch:
        return (*baselines, *variants.lock_variants(config, good, image_of, lock_variant, withheld.add))


def _image(toolchains: Toolchains, target: Target, scratch: Path) -> variants.Image:
    toolchain = toolchains(target)
    return variants.Image(sandbox_for=toolchain.sandbox, scratch=scratch, installs=toolchain.image_pin is not None)


def fetch_all(
    plans: Sequence[Plan], indexes: Indexes, withheld: Withheld, *, store: Store, config: Config, report: Reporter
) -> tuple[LockedFile, ...]:
    """Bring every file of the locks into the store and return those that were not there and now are."""
    files_of = {
        plan.folder: {
            file.sha256: file
            for each in with_build_requirements((*plan.lock.packages, *_pip(plan.lock)))
            for file in each.files
        }
        for plan in plans
    }
    wanted = {digest: file for files in files_of.values() for digest, file in files.items()}
    missing = tuple(file for digest, file in wanted.items() if not store.has(digest))

    def failed(digest: str, error: WheelyardError) -> None:
        for folder, files in files_of.items():
            if digest in files:
                withheld.add(folder, error)

    if missing:
        fetch(missing, store=store, client=indexes.client, root=config.root, report=report, failed=failed)
    return tuple(file for file in missing if store.has(file.sha256))


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
        plan.lock.packages,
        plan.target,
        recipes,
        toolchain.identity,
        builds_on=builds_on,
        tools=recipes_of(plan.config, to_build=True),
        epoch=epoch,
    )


def build_plans(
    plans: Sequence[Plan],
    toolchains: Toolchains,
    withheld: Withheld,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> Made:
    """Build every sdist of every folder, and what those need to be built; a key that was built before is reused.

    :raises Failures: with the error of the build that failed, if the first failure ends the run.
    """
    units: dict[str, tuple[BuildUnit, ...]] = {}
    for plan in plans:
        with withheld.unless(plan.folder):
            units[plan.folder] = _units(plan, toolchains, store=store, report=report)
    plans = withheld.left(plans)

    def failed(key: str, error: WheelyardError) -> None:
        for plan in plans:
            if key in {unit.key for unit in units[plan.folder]}:
                withheld.add(plan.folder, error)

    settings = plans[0].config.build
    every = {unit.key: unit for plan in plans for unit in units[plan.folder]}
    if not every:
        return Made(of_folder={plan.folder: {} for plan in plans}, built=0, reused=0)
    reused = sum(records.load(store, key) is not None for key in every)
    report(StageStarted(stage="build", jobs=len(every)))
    wheels = build_all(
        tuple(every.values()),
        store=store,
        toolchain_for=lambda unit: toolchains(unit.target),
        limits=limits_of(settings),
        jobs=settings.jobs or os.cpu_count() or 1,
        fail_fast=options.fail_fast,
        report=report,
        epoch=settings.source_date_epoch,
        failed=None if options.fail_fast else failed,
    )
    report(StageFinished(stage="build"))
    recipes = {key: recipe_digest(unit.package, unit.recipe) for key, unit in every.items()}
    wheels = {key: replace(wheel, recipe=recipes[key]) for key, wheel in wheels.items()}
    if not options.timings:
        wheels = {key: replace(wheel, seconds=0.0) for key, wheel in wheels.items()}
    of_folder = {
        plan.folder: deduplicate.Built(
            target=plan.target,
            wheels={
                unit.package.name: wheels[unit.key]
                for unit in units[plan.folder]
                if unit.package in plan.lock.packages and unit.target == plan.target
            },
        )
        for plan in withheld.left(plans)
    }
    return Made(
        of_folder=deduplicate.deduplicate_wheels(of_folder, store, epoch=settings.source_date_epoch),
        built=len(wheels) - reused,
        reused=reused,
    )


def _contents(plan: Plan, built: Mapping[str, BuiltWheel], store: Store) -> Contents:
    found = contents(plan.lock, built, target=plan.target, store=store)
    if plan.variant is not None:
        variants.check_folder(plan.variant, plan.folder, found.entries, store)
    return found


def prove_folders(
    plans: Sequence[Plan],
    whole: Mapping[str, Contents],
    toolchains: Toolchains,
    pips: HostPips,
    withheld: Withheld,
    *,
    store: Store,
    options: Options,
    report: Reporter,
) -> Mapping[str, Proof]:
    """Prove every folder; of a variant also what was chosen, and nothing of one that this machine must not run.

    One that does not install, import or calculate is withheld.
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
        failed=withheld.add,
    )
    for name, proof in proofs.items():
        if proof.outcome == "failed":
            hint = proof.hint or "--no-prove publishes unproven"
            withheld.add(name, ProofError(proof.reason, where=f"targets/{name}", hint=hint))
    return proofs


def _question(plan: Plan, whole: Contents) -> stage.Question:
    rules = plan.config.packages.items()
    return stage.Question(
        folder=plan.folder,
        target=plan.target,
        contents=whole,
        requirements_txt=requirements_txt.dumps(whole.lock),
        imports={name: rule.imports for name, rule in rules if rule.imports is not None},
        probes=variants.probes_of(plan, {name: facts.modules for name, facts in whole.facts.items()}),
        not_run=variants.not_run_here(plan.variant) if plan.variant else "",
    )


def _folder(plan: Plan, whole: Contents, proof: Proof) -> Folder:
    return Folder(
        name=plan.folder,
        # What is printed has to work where it was proven, whatever the configuration says or leaves out.
        target=replace(plan.target, externally_managed=plan.target.externally_managed or proof.managed),
        variant=plan.variant.name if plan.variant else None,
        needs=needs_of(plan.variant.choice) if plan.variant else {},
        entries=whole.entries,
        requirements_txt=requirements_txt.dumps(whole.lock),
        pylock_toml=pylock.dumps(whole.lock),
        proof=proof,
        pip=whole.pip,
        python_archive=bundled_python.place(plan.target),
    )


def only_targets(config: Config, names: tuple[str, ...]) -> Config:
    """Return the configuration with only the named targets; a name it does not have is taken as a preset's.

    :raises ConfigError: if it is neither.
    """
    known = {target.name: target for target in config.targets}
    return replace(config, targets=tuple(known.get(name) or presets.target(name) for name in names))
