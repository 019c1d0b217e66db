"""From locks and built wheels to what each target's folder holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from wheelyard.domain import wheel_name
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.contents import Contents
from wheelyard.domain.errors import WheelError
from wheelyard.domain.facts import WheelSummary
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.domain.site import Entry, Wheel
from wheelyard.domain.target import Target
from wheelyard.lock.select import carries_pip
from wheelyard.store.blobs import Store
from wheelyard.wheels.facts import facts


def contents(lock: Lock, built: Mapping[str, BuiltWheel], *, target: Target, store: Store) -> Contents:
    """Return what a target's folder holds; every wheel is checked strictly the first time that it is seen.

    The pip of the lock goes along only if one of the final wheels needs it, or the hosts have none.

    :param built: what became of the lock's sdists, by normalised name.
    :raises WheelError: if a wheel is damaged, hostile, or not the package that the lock says it is.
    """
    wheels = [built.get(package.name) if package.how == "build" else None for package in lock.packages]
    packages = [_final(package, made) for package, made in zip(lock.packages, wheels, strict=True)]
    with ThreadPoolExecutor(
        os.cpu_count(), thread_name_prefix="check"
    ) as pool:  # inflating and hashing run side by side
        found = list(pool.map(lambda package: _facts_of(package, store), packages))
    known = {package.name: facts for package, facts in zip(packages, found, strict=True)}
    entries = [
        _entry(package, final, known[final.name], made)
        for package, final, made in zip(lock.packages, packages, wheels, strict=True)
    ]
    pip = lock.pip if carries_pip(packages, target) else None
    carried = None if pip is None else _wheel(pip, _facts_of(pip, store))
    final = replace(lock, packages=tuple(packages), pip=pip)
    return Contents(lock=final, entries=tuple(entries), facts=known, pip=carried)


def _final(package: LockedPackage, made: BuiltWheel | None) -> LockedPackage:
    """Return the package as the wheelhouse has it: with the built wheel in place of the sdist.

    The wheel is as old as its sdist, and yanked with it; the sdist's attestations are of other bytes.
    """
    if made is None:
        return replace(package, file=replace(package.file, url=None, path=package.file.filename))
    version = str(wheel_name.parse(made.filename).parsed_version)
    file = LockedFile(
        filename=made.filename,
        sha256=made.sha256,
        path=made.filename,
        size=made.size,
        upload_time=package.file.upload_time,
        yanked=package.file.yanked,
    )
    return replace(package, file=file, version=version, build_requirements=())


def _facts_of(package: LockedPackage, store: Store) -> WheelSummary:
    found = facts(store, package.file.filename, package.file.sha256)
    if found.name != package.name:
        raise WheelError(f"this wheel is {found.name} {found.version}, not {package.name}", where=package.file.filename)
    return found


def _wheel(package: LockedPackage, found: WheelSummary) -> Wheel:
    return Wheel(
        filename=package.file.filename,
        sha256=package.file.sha256,
        size=found.size,
        name=found.name,
        version=found.version,
        requires_python=found.requires_python,
        yanked=package.file.yanked,
        upload_time=package.file.upload_time,
        provenance=package.file.provenance,
        imports=found.modules,
    )


def _entry(package: LockedPackage, final: LockedPackage, found: WheelSummary, made: BuiltWheel | None) -> Entry:
    if made is not None:
        source = package.file.filename
    else:
        source = package.file.index or package.file.path or "a file given by its URL"
    return Entry(
        wheel=_wheel(final, found),
        origin="built" if made else ("local" if package.file.path and not package.file.index else "upstream"),
        source=source,
        reason=package.reason,
        extras=package.extras,
        via=package.via,
        built=made,
    )
