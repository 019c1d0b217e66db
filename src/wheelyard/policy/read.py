"""From the declared table to a policy: what is wrong is reported with file, table and key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.index import OF_PIP
from wheelyard.policy import moments, osv, vex
from wheelyard.policy.model import AdmissionPolicy, Cutoff, Waiver
from wheelyard.policy.schema import PolicyTable, WaiverTable
from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems, nearest
from wheelyard.schema.read import fields, read
from wheelyard.schema.tables import texts
from wheelyard.schema.toml_file import read_toml
from wheelyard.wheels.licence import spdx_identifier


def load(path: Path) -> AdmissionPolicy:
    """Read a policy that has a file of its own.

    :raises ConfigError: for one mistake; ``Failures`` for several.
    """
    problems = Problems()
    policy = _of_file(path, Location(file=path, problems=problems))
    problems.check()
    return policy


def read_policy(table: PolicyTable, *, known: Collection[str]) -> AdmissionPolicy:
    """Return what ``[policy]`` says, or the file that it names.

    :param known: names of indexes: a bound for another one would bind nothing, and is reported.
    """
    if "place" not in table.__dict__:  # it is not written at all
        return AdmissionPolicy()
    if table.file is None:
        _check_indexes(table, table.place, known)
        return _policy(table, table.place)
    own = zip(PolicyTable.__struct_fields__, fields(PolicyTable).values(), strict=True)
    for beside in [field.key for name, field in own if name != "file" and getattr(table, name) != field.default]:
        table.place.wrong(beside, f"stands beside file = {table.file!r}", "put it into that file")
    return _of_file(table.place.folder / Path(table.file).expanduser(), table.place)


def _check_indexes(table: PolicyTable, place: Location, known: Collection[str]) -> None:
    for name in table.exclude_newer_index:
        if name not in known and not OF_PIP.fullmatch(name):
            place.wrong("exclude-newer-index", f"no index is named {name!r}", nearest(name, known))


def _of_file(path: Path, place: Location) -> AdmissionPolicy:
    try:
        document = read_toml(path, path.name)
    except WheelyardError as error:
        place.problems.note(error, where=error.where or path.name)
        return AdmissionPolicy()
    inside = Location(file=path, problems=place.problems)
    table = read(PolicyTable, document, inside)
    if table is not None and table.file is not None:
        inside.wrong("file", "a policy is one file", "take the key out")
    return AdmissionPolicy() if table is None else _policy(table, inside)


def _policy(table: PolicyTable, place: Location) -> AdmissionPolicy:
    allowed, denied = _licenses(table, "allow-licenses", place), _licenses(table, "deny-licenses", place)
    names = [frozenset(map(canonicalize_name, texts(each))) for each in (table.allow_packages, table.deny_packages)]
    for what, both in (("licenses", allowed & denied), ("packages", names[0] & names[1])):
        for each in sorted(both):
            place.wrong(f"allow-{what}", f"{each} is denied too (deny-{what})", "take it out of one of the two")
    unknown = table.unknown_license or ("deny" if allowed else "allow")
    return AdmissionPolicy(
        exclude_newer=_cutoff(place, "exclude-newer", table.exclude_newer),
        exclude_newer_index=_cutoffs(place, "exclude-newer-index", table.exclude_newer_index),
        exclude_newer_package={
            canonicalize_name(name): cutoff
            for name, cutoff in _cutoffs(place, "exclude-newer-package", table.exclude_newer_package).items()
        },
        allow_licenses=allowed,
        deny_licenses=denied,
        unknown_license=unknown,
        allow_packages=names[0],
        deny_packages=names[1],
        yanked=table.yanked,
        advisories=_database(table, place),
        advisories_max_age=_span(place, "advisories-max-age", table.advisories_max_age),
        deny_severity=table.deny_severity,
        only_fixed=table.only_fixed,
        not_affected=_not_affected(table, place),
        waivers=tuple(waiver for each in table.waiver if (waiver := _waiver(each)) is not None),
    )


def _cutoffs(place: Location, key: str, written: Mapping[str, str]) -> dict[str, Cutoff]:
    found = {name: _cutoff(place, f"{key} {name}", text) for name, text in written.items()}
    return {name: cutoff for name, cutoff in found.items() if cutoff is not None}


def _cutoff(place: Location, key: str, text: str | None) -> Cutoff | None:
    if text is None:
        return None
    cutoff = moments.span_of(text)
    found = moments.moment_of(text) if cutoff is None else cutoff
    if found is None:
        place.wrong(key, f"{text!r} is neither a date nor a span of time", "write: 7d, 12h, 2w, or 2026-01-31")
    return found


def _span(place: Location, key: str, text: str | None) -> timedelta | None:
    found = None if text is None else moments.span_of(text)
    if text is not None and found is None:
        place.wrong(key, f"{text!r} is no span of time", f'write: {key} = "14d"')
    return found


def _licenses(table: PolicyTable, key: str, place: Location) -> frozenset[str]:
    """Return SPDX identifiers in their canonical spelling; an expression is none."""
    found = set()
    for text in texts(getattr(table, key.replace("-", "_"))):
        identifier = spdx_identifier(text)
        if identifier is None:
            place.wrong(key, f"{text!r} is no SPDX identifier", 'write it as "BSD-3-Clause"; or "LicenseRef-…"')
        else:
            found.add(identifier)
    return frozenset(found)


def _database(table: PolicyTable, place: Location) -> osv.Database | None:
    if table.advisories is None:
        for key in ("advisories-max-age", "vex"):
            if getattr(table, key.replace("-", "_")):
                place.wrong(key, "there are no advisories that it could be of", 'name them: advisories = "osv.zip"')
        return None
    try:
        return osv.read(place.folder / Path(table.advisories).expanduser())
    except WheelyardError as error:
        place.problems.note(error, where=place.where("advisories"))
        return None


def _not_affected(table: PolicyTable, place: Location) -> dict[str, frozenset[str]]:
    products: dict[str, frozenset[str]] = defaultdict(frozenset)
    for name in texts(table.vex):
        try:
            for advisory, named in vex.read(place.folder / Path(name).expanduser(), name).items():
                products[advisory] |= named
        except WheelyardError as error:
            place.problems.note(error, where=error.where or place.where("vex"))
    return dict(products)


def _waiver(table: WaiverTable) -> Waiver | None:
    until = moments.moment_of(table.until)
    if until is None:
        table.place.wrong("until", f"{table.until!r} is no date", 'write: until = "2026-12-31"')
        return None
    return Waiver(
        sha256=table.sha256,
        rules=table.rules,
        by=table.by,
        reason=table.reason,
        until=until,
        file=table.file or "",
    )
