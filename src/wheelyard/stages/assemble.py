"""From locks and built wheels to what each target's folder holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from wheelyard.domain import wheel_name
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import WheelError
from wheelyard.domain.facts import WheelSummary
from wheelyard.domain.folder import FilledFolder, LockedFolder
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.proof import Proof
from wheelyard.domain.site import OWN, Entry, Folder, Wheel
from wheelyard.index import bundled_python
from wheelyard.lock import pylock, requirements_txt
from wheelyard.lock.select import carries_pip
from wheelyard.stages.variants import check_folder
from wheelyard.store.blobs import Store
from wheelyard.variants.model import needs_of
from wheelyard.wheels.facts import facts


def fill(folder: LockedFolder, built: Mapping[str, BuiltWheel], *, store: Store) -> FilledFolder:
    """Return what a locked folder comes to hold; every wheel is checked strictly the first time that it is seen.

    The pip of the lock goes along only if one of the final wheels needs it, or the hosts have none.

    :param built: what became of the lock's sdists, by normalised name.
    :raises WheelError: if a wheel is damaged, hostile, or not the package that the lock says it is.
    :raises VariantError: if the wheels of a variant do not go together.
    """
    lock = folder.lock
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
    pip = lock.pip if carries_pip(packages, folder.target) else None
    carried = None if pip is None else _wheel(pip, _facts_of(pip, store))
    final = replace(lock, packages=tuple(packages), pip=pip)
    filled = FilledFolder(
        name=folder.name,
        target=folder.target,
        variant=folder.variant,
        lock=final,
        entries=tuple(entries),
        facts=known,
        pip=carried,
    )
    if filled.variant is not None:
        sha256s = {entry.wheel.filename: entry.wheel.sha256 for entry in entries}
        check_folder(filled.variant, filled.name, sha256s, store)
    return filled


def folder_of(filled: FilledFolder, proof: Proof) -> Folder:
    """Return a folder as it is published."""
    return Folder(
        name=filled.name,
        # What is printed has to work where it was proven, whatever the configuration says or leaves out.
        target=replace(filled.target, externally_managed=filled.target.externally_managed or proof.managed),
        variant=filled.variant.name if filled.variant else None,
        needs=needs_of(filled.variant.choice) if filled.variant else {},
        entries=filled.entries,
        requirements_txt=requirements_txt.dumps(filled.lock),
        pylock_toml=pylock.dumps(filled.lock),
        proof=proof,
        pip=filled.pip,
        python_archive=bundled_python.place(filled.target),
    )


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
        sdist_sha256=package.file.sha256 if made else "",
        sdist_index=(package.file.index or (OWN if package.file.path else "")) if made else "",
    )
