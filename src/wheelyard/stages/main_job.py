"""The main job: a list of stages, each a function from values to values.

lock → fetch → build (and repair, and check) → prove → index. A stage that has nothing to do does nothing: locks carry a
digest of their inputs, blobs and builds and proofs are kept in the store under theirs. A folder that a stage fails for
goes no further, and keeps what was published of it before; the others go on.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard.bundle.installers import installers
from wheelyard.bundle.manifest import timestamp
from wheelyard.bundle.sign import check_keys
from wheelyard.config.model import Config
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter, once, silent
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.site import Folder, Imprint, LabelledFolder, Published, Site
from wheelyard.index import build_logs, bundled_python, names, site_state
from wheelyard.index.claim import check_place
from wheelyard.index.publish import publish
from wheelyard.lock.indexes import Indexes
from wheelyard.policy import moments
from wheelyard.policy.judge import check_policy
from wheelyard.prove.pips import HostPips
from wheelyard.report.provenance import provenance_json
from wheelyard.stages import judging, labels, variants
from wheelyard.stages.assemble import fill, folder_of
from wheelyard.stages.building import build_plans
from wheelyard.stages.fetching import fetch_all
from wheelyard.stages.options import PLAIN, Options
from wheelyard.stages.planning import make_plans
from wheelyard.stages.proving import prove_folders
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.targets import presets
from wheelyard.toolchain.find import Toolchains


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
    config: Config, options: Options = PLAIN, *, store: Store | None = None, report: Reporter = silent
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
    check_policy(config.policy, moments.now())
    store = replace(store or Store(), report=report)
    earlier = site_state.load(config.wheelhouse)  # was it made here? Found out now rather than after all the work
    before = names.published(earlier)
    pythons = bundled_python.carried_pythons(config.targets, store)
    withheld = Withheld(all_or_nothing=options.all_or_nothing)
    with Indexes(config, store, report=report) as indexes:
        toolchains = Toolchains(config.build, store, report, fetch=indexes.fetch)
        plans = make_plans(config, toolchains, indexes, withheld, store=store, options=options, report=report)
        judging.check_locked(withheld.left(plans), withheld, report=report)
        plans = withheld.left(plans)
        fetched = fetch_all(plans, indexes, withheld, store=store, config=config, report=report)
        for plan in withheld.left(plans):
            with withheld.unless(plan.name):
                variants.check_fetched(plan, store)
        builds = build_plans(withheld.left(plans), toolchains, withheld, store=store, options=options, report=report)
        new = indexes.brought | {file.sha256 for file in fetched}
        filled: dict[str, FilledFolder] = {}
        for plan in withheld.left(plans):
            with withheld.unless(plan.name):
                wheels = names.keep(builds.of_folder[plan.name], before, store=store, into=config.wheelhouse)
                filled[plan.name] = fill(plan, wheels, store=store)
                judging.check_filled(filled[plan.name], config.policy, store=store, report=report)
                names.refuse_others(filled[plan.name].entries, before)
        pips = HostPips(indexes, store)
        left = withheld.left(plans)
        proofs = prove_folders(left, filled, toolchains, pips, withheld, store=store, options=options, report=report)
    plans = withheld.left(plans)
    folders = tuple(folder_of(filled[plan.name], proofs[plan.name]) for plan in plans)
    asked = _folder_names(config)
    missing = [name for name in asked if name not in {folder.name for folder in folders}]
    labelled: tuple[LabelledFolder, ...] = ()
    if config.variant_wheels and missing:  # they are of all targets and variants together
        labelled = tuple(folder for folder in earlier.labelled if folder.name.partition(".")[0] in asked)
    elif config.variant_wheels:
        epoch = config.build.source_date_epoch
        labelled = labels.labelled_folders(plans, filled, store=store, epoch=epoch, report=report)
    kept = tuple(folder for folder in earlier.folders if folder.name in missing)
    by_name = {folder.name: folder for folder in (*folders, *kept)}
    site = Site(
        imprint=Imprint(name=config.site_name, contact=config.contact, date=(timestamp() or "")[:10] or None),
        folders=tuple(by_name[name] for name in asked if name in by_name),
        labelled=labelled,
        papers=earlier.papers,
        extra=earlier.extra,  # what was mirrored or added stays
        documents=installers(store.area("installers")),
        attachments={
            **_carried(kept, earlier.attachments),
            **_pythons_of(folders, pythons),
            **(build_logs.of_folders(folders, store) if config.build_logs else {}),
        },
    )
    site = replace(site, documents={**site.documents, "provenance.json": provenance_json(site)})
    site = names.retire(site, before)
    published = publish(site, store=store, into=config.wheelhouse, keys=keys, report=report, grace=options.grace)
    return BuildOutcome(
        wheelhouse=config.wheelhouse,
        folders=folders,
        withheld={name: withheld.reasons(name) for name in missing},
        kept=frozenset(folder.name for folder in kept),
        fetched=len(new),
        fetched_bytes=sum(store.path(sha256).stat().st_size for sha256 in new),
        built=builds.built,
        reused=builds.reused,
        published=published,
        seconds=time.monotonic() - started,
    )


def _folder_names(config: Config) -> tuple[str, ...]:
    """Return the names of the folders that a configuration asks for, in its order."""
    pairs = itertools.product(config.targets, config.variants)
    baselines = (target.name for target in config.targets)
    return (*baselines, *(variants.folder_name(target, variant) for target, variant in pairs))


def _carried(kept: Iterable[Folder], attachments: Mapping[str, str]) -> Mapping[str, str]:
    """Return what was attached for the folders that stay as they were."""
    logs = {build_logs.place(entry.built) for folder in kept for entry in folder.entries if entry.built}
    return {**_pythons_of(kept, attachments), **{path: attachments[path] for path in logs & attachments.keys()}}


def _pythons_of(folders: Iterable[Folder], archives: Mapping[str, str]) -> Mapping[str, str]:
    """Return the carried Pythons of some folders, by their path in the wheelhouse."""
    paths = {folder.python_archive for folder in folders}
    return {path: sha256 for path, sha256 in archives.items() if path in paths}


def only_targets(config: Config, names: tuple[str, ...]) -> Config:
    """Return the configuration with only the named targets; a name it does not have is taken as a preset's.

    :raises ConfigError: if it is neither.
    """
    known = {target.name: target for target in config.targets}
    return replace(config, targets=tuple(known.get(name) or presets.target(name) for name in names))
