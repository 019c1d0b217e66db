"""Every sdist of the locks, and what those need to be built."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wheelyard.build import deduplicate, records
from wheelyard.build.key import recipe_digest
from wheelyard.build.unit import limits_of, recipes_of, units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuildUnit, BuiltWheel
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter, StageFinished, StageStarted
from wheelyard.stages.options import Options
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of the sdists of all locks."""

    of_folder: Mapping[str, Mapping[str, BuiltWheel]]
    """By folder and normalised name."""
    built: int
    reused: int


def units_for(plan: Plan, toolchains: Toolchains) -> tuple[BuildUnit, ...]:
    """Return what is to be built for one folder.

    :raises WheelyardError: if nothing here compiles for it.
    """
    if not any(package.how == "build" for package in plan.lock.packages):
        return ()
    toolchain = toolchains(plan.target)
    recipes = recipes_of(plan.config) if plan.variant is None else plan.recipes
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


def _estimate(units: Iterable[BuildUnit], jobs: int, store: Store) -> float:
    """Return about how many seconds builds take that are not in the store; 0 where one of them was never done before.

    Not less than the longest, nor than all of them shared out.
    """
    names = [unit.package.name for unit in units if records.load(store, unit.key) is None]
    durations = [records.seconds(store, name) for name in names]
    known = [seconds for seconds in durations if seconds is not None]
    return max(max(known), sum(known) / jobs) if known and len(known) == len(durations) else 0


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
        with withheld.unless(plan.name):
            units[plan.name] = units_for(plan, toolchains)
    plans = withheld.left(plans)

    def failed(key: str, error: WheelyardError) -> None:
        for plan in plans:
            if key in {unit.key for unit in units[plan.name]}:
                withheld.add(plan.name, error)

    settings = plans[0].config.build
    every = {unit.key: unit for plan in plans for unit in units[plan.name]}
    if not every:
        return Made(of_folder={plan.name: {} for plan in plans}, built=0, reused=0)
    reused = sum(records.load(store, key) is not None for key in every)
    jobs = settings.jobs or os.cpu_count() or 1
    report(StageStarted(stage="build", jobs=len(every), seconds=_estimate(every.values(), jobs, store)))
    wheels = build_all(
        tuple(every.values()),
        store=store,
        toolchain_for=lambda unit: toolchains(unit.target),
        limits=limits_of(settings),
        jobs=jobs,
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
        plan.name: {
            unit.package.name: wheels[unit.key]
            for unit in units[plan.name]
            if unit.package in plan.lock.packages and unit.target == plan.target
        }
        for plan in withheld.left(plans)
    }
    targets = {plan.name: plan.target for plan in plans}
    return Made(
        of_folder=deduplicate.deduplicate_wheels(of_folder, targets, store, epoch=settings.source_date_epoch),
        built=len(wheels) - reused,
        reused=reused,
    )
