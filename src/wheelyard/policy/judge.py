"""The judge: what is known of a file against what a policy demands. Pure: the same is said everywhere it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from wheelyard.domain.errors import PolicyError, together
from wheelyard.policy import moments
from wheelyard.policy.model import AdmissionPolicy, Evidence, Objection, Ruling, Waiver
from wheelyard.policy.rules import JUDGES


def judge(file: Evidence, policy: AdmissionPolicy, *, at: datetime) -> Ruling:
    """Judge one file.

    :param at: the moment of judging.
    """
    objections = [objection for rule in JUDGES for objection in rule(file, policy, at)]
    return Ruling(file=file, objections=tuple(_waived(objection, file, policy, at) for objection in objections))


def _waived(objection: Objection, file: Evidence, policy: AdmissionPolicy, at: datetime) -> Objection:
    """Return an objection with the waiver that holds for it, if there is one."""
    if objection.final:
        return objection
    hashes = {file.sha256, file.made_from}
    holding = (
        waiver
        for waiver in policy.waivers
        if waiver.sha256 in hashes and objection.rule in waiver.rules and at < waiver.until
    )
    return replace(objection, waiver=next(holding, None))


def expired(policy: AdmissionPolicy, at: datetime) -> Iterator[Waiver]:
    """Yield the waivers that hold no longer."""
    return (waiver for waiver in policy.waivers if at >= waiver.until)


def check_policy(policy: AdmissionPolicy, at: datetime) -> None:
    """Refuse to go by a policy that is out of date: with a waiver that has ended, or with an old database.

    :raises PolicyError: for one thing; ``Failures`` for several.
    """
    errors = [
        PolicyError(
            f"the waiver of {waiver.by} for {waiver.file or waiver.sha256[:12]} ended on {moments.shown(waiver.until)}",
            where="[[policy.waiver]]",
            hint="take it out, or have it agreed on anew",
        )
        for waiver in expired(policy, at)
    ]
    if policy.advisories is not None and (fault := _fault_of_database(policy, at)):
        errors.append(
            PolicyError(fault, where=f"advisories {policy.advisories.name}", hint="bring a newer export of OSV")
        )
    if errors:
        raise together(errors)


def _fault_of_database(policy: AdmissionPolicy, at: datetime) -> str | None:
    """Say what is wrong with the database of advisories: an old or empty one is never "clean"."""
    database = policy.advisories
    dated = moments.moment_of(database.dated) if database is not None and database.dated else None
    if database is None or not database.entries or dated is None:
        return "has no advisory about a project of the index"
    if dated > at + moments.CLOCKS:
        return f"says that it is of {moments.shown(dated)}, which is to come"
    if policy.advisories_max_age is not None and at - dated > policy.advisories_max_age:
        return f"its newest entry is of {moments.shown(dated)}, older than advisories-max-age allows"
    return None


def told(ruling: Ruling) -> str:
    """Return what refuses a file, in a few words a rule."""
    return "; ".join(f"policy ({objection.rule}): {objection.message}" for objection in ruling.refusals)


def errors_of(rulings: Iterable[Ruling], policy: AdmissionPolicy, *, where: str = "") -> Iterator[PolicyError]:
    """Yield an error for each file that is refused."""
    waived = {waiver.file: waiver for waiver in policy.waivers if waiver.file}
    for ruling in rulings:
        if not ruling.passes:
            file = ruling.file
            hint = "take another version, or waive it: [[policy.waiver]]"
            if other := waived.get(file.filename):
                hint = f"the waiver of {other.by} is for other bytes or rules: {other.sha256[:12]}…, {_listed(other)}"
            if any(objection.final for objection in ruling.refusals):
                hint = "no waiver lets it in: take it out, and look for where it was installed"
            named = file.filename + (f" ({where})" if where else "")
            yield PolicyError(told(ruling), where=named, hint=hint)


def check(file: Evidence, policy: AdmissionPolicy, *, at: datetime) -> None:
    """Judge one file.

    :raises PolicyError: if it is refused.
    """
    for error in errors_of([judge(file, policy, at=at)], policy):
        raise error


def _listed(waiver: Waiver) -> str:
    return ", ".join(waiver.rules)


def waivers_used(rulings: Iterable[Ruling]) -> Iterator[str]:
    """Yield a sentence for each waiver that lets a file pass."""
    for ruling in rulings:
        for objection in ruling.objections:
            if waiver := objection.waiver:
                yield (
                    f"{ruling.file.filename} passes by a waiver of {waiver.by} until {moments.shown(waiver.until)} "
                    f"({waiver.reason}): {objection.message}"
                )
