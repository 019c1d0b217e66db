"""From a configuration to what each folder is made from: every target is locked, then its variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wheelyard.config.model import Config
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import JobFinished, Reporter
from wheelyard.domain.lock import Lock
from wheelyard.domain.target import Target
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import lock
from wheelyard.stages import variants
from wheelyard.stages.backends import Sandboxes
from wheelyard.stages.options import Options
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains


def make_plans(
    config: Config,
    toolchains: Toolchains,
    indexes: Indexes,
    withheld: Withheld,
    *,
    store: Store,
    options: Options,
    report: Reporter,
    write: bool = True,
) -> tuple[Plan, ...]:
    """Lock every target, then its variants, and return what each folder is made from.

    :param write: write the locks beside the configuration; else they are only returned.
    """

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
            write=write,
        )

    def lock_variant(derived: Config) -> Lock:
        return lock_one(derived)[derived.targets[0].name]

    def image(target: Target) -> variants.Image:
        """Return the place where a target's sdists are built, to be asked about."""
        toolchain = toolchains(target)
        return variants.Image(sandbox_for=toolchain.sandbox, scratch=scratch, installs=toolchain.image_pin is not None)

    def recipes(plan: Plan) -> Mapping[str, Recipe]:
        indexes.fetch(package.file for package in variants.rebuilt(plan))
        return variants.recipes(plan, store=store, image=image(plan.target), report=report)

    def failed(folder: str, error: WheelyardError) -> None:
        report(JobFinished(stage="lock", job=folder, outcome="failed", note=error.message.splitlines()[0]))
        withheld.add(folder, error)

    locks = lock_one(config, failed=None if options.all_or_nothing else withheld.add)
    toolchains.pin({name: each.image for name, each in locks.items()})
    baselines = tuple(
        Plan(name=target.name, target=target, config=config, lock=locks[target.name])
        for target in config.targets
        if target.name in locks
    )
    baselines = withheld.left(baselines)
    if not config.variants:
        return baselines
    good = {plan.name: plan.lock for plan in baselines}
    with store.scratch() as scratch:
        return (*baselines, *variants.lock_variants(config, good, image, lock_variant, recipes, failed))
