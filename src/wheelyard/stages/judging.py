"""What the policy says of locks, of folders before they are published, and of wheelhouses on a disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wheelyard.bundle import manifest as manifests
from wheelyard.domain.errors import together
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.lock import Lock, with_build_requirements
from wheelyard.domain.site import OWN
from wheelyard.policy import evidence, moments
from wheelyard.policy.judge import check_policy, errors_of, judge, waivers_used
from wheelyard.policy.model import AdmissionPolicy, Evidence, Ruling
from wheelyard.report.inventory import inventory
from wheelyard.report.model import Component
from wheelyard.stages.plan import Plan
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.wheels.metadata import read_metadata


def of_lock(lock: Lock, policy: AdmissionPolicy) -> Iterator[Ruling]:
    """Yield the ruling on each file that a lock names, its build requirements included; licences are not known yet."""
    carried = () if lock.pip is None else (lock.pip,)
    at = moments.now()
    for package in with_build_requirements((*lock.packages, *carried)):
        yield judge(evidence.of_package(package), policy, at=at)


def of_wheelhouse(root: Path, policy: AdmissionPolicy) -> tuple[Ruling, ...]:
    """Return the ruling on each file of a wheelhouse on a disk, by what it says of itself: no network is asked.

    :raises WheelError: if a file of it cannot be read.
    """
    manifest, _ = manifests.read(root)
    at = moments.now()
    return tuple(judge(_of_component(component), policy, at=at) for component in inventory(root, manifest))


def check_locked(plans: Sequence[Plan], withheld: Withheld, *, report: Reporter = silent) -> None:
    """Withhold the folders whose lock names a file that the policy refuses: it may have come to be known since."""
    for plan in plans:
        if plan.config.policy.demands:
            with withheld.unless(plan.name):
                _settle(
                    of_lock(plan.lock, plan.config.policy),
                    plan.config.policy,
                    report,
                    where=f"target {plan.target.name}",
                )


def check_filled(folder: FilledFolder, policy: AdmissionPolicy, *, store: Store, report: Reporter = silent) -> None:
    """Judge what a folder holds, licences too.

    :raises PolicyError: if something is refused.
    """
    if policy.demands:
        at = moments.now()
        rulings = (
            judge(evidence.of_entry(entry, read_metadata(store.path(entry.wheel.sha256))), policy, at=at)
            for entry in folder.entries
        )
        _settle(rulings, policy, report, where=f"target {folder.target.name}")


def accept(root: Path, policy: AdmissionPolicy, *, report: Reporter = silent) -> None:
    """Judge all that a wheelhouse on a disk holds.

    :raises PolicyError: if something is refused, or the policy is out of date.
    """
    check_policy(policy, moments.now())
    _settle(of_wheelhouse(root, policy), policy, report)


def _settle(rulings: Iterable[Ruling], policy: AdmissionPolicy, report: Reporter, *, where: str = "") -> None:
    """Raise what is refused, and tell what passes by a waiver."""
    settled = tuple(rulings)
    if errors := tuple(errors_of(settled, policy, where=where)):
        raise together(errors)
    for sentence in waivers_used(settled):
        report(Warned(message=sentence))


def _of_component(component: Component) -> Evidence:
    told = component.provenance
    return Evidence(
        filename=component.filename,
        name=component.name,
        version=component.version,
        sha256=component.sha256,
        made_from=told.sdist_sha256 or None,
        local=OWN in (told.origin, told.sdist_index),
        index=told.sdist_index or (told.source if told.origin == "upstream" else ""),
        upload_time=told.upload_time or None,
        yanked=told.yanked,
        license=component.license,
    )
