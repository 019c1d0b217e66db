"""One file name, one wheel: what several targets built under one name becomes one file, or gets names of its own.

Targets may build the same sdist with other tools, an older setuptools for an older Python. The wheels have the same
name and other bytes, and an index has room for one of them.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.target import Target
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.wheels import core_metadata
from wheelyard.wheels.rewrite import Changes, rewrite


def deduplicate_wheels(
    built: Mapping[str, Mapping[str, BuiltWheel]], targets: Mapping[str, Target], store: Store, *, epoch: int
) -> dict[str, dict[str, BuiltWheel]]:
    """Return the wheels of each folder by normalised name, no two of them with one file name and different bytes.

    Where twins ask for the same packages, and hold the same modules or compiled ones, all folders take that of the
    oldest target: its name says that it runs on them all. Else pure ones are tagged for the one Python that made each.

    :param built: what became of the sdists of each folder, by its name and by normalised name.
    :param targets: by the name of the folder.
    :param epoch: the time of the members of a wheel that is written.
    """
    settled = {name: dict(wheels) for name, wheels in built.items()}
    named: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for folder, wheels in settled.items():
        for project, wheel in wheels.items():
            named[wheel.filename][wheel.sha256].append((folder, project))
    for twins in named.values():
        if len(twins) < 2:
            continue
        places = sorted((place for twin in twins.values() for place in twin), key=lambda place: _age(targets[place[0]]))
        wheels_of = [settled[folder][project] for folder, project in places]
        if len({_told_apart_by(wheel, store) for wheel in wheels_of}) == 1:
            for folder, project in places:
                settled[folder][project] = wheels_of[0]
        elif wheels_of[0].filename.endswith("-none-any.whl"):
            for folder, project in places:
                settled[folder][project] = _for_one_python(settled[folder][project], targets[folder], store, epoch)
    return settled


def _age(target: Target) -> tuple[object, ...]:
    platform = platforms.parse(target.platform)
    return target.version_info, platform.family, platform.version, target.name


def _told_apart_by(wheel: BuiltWheel, store: Store) -> tuple[object, ...]:
    """Return what an installer or a program could notice of a wheel: not its maker, or how its metadata is written."""
    with zipfile.ZipFile(store.path(wheel.sha256)) as archive:
        (info,) = {name.partition("/")[0] for name in archive.namelist() if name.endswith(".dist-info/RECORD")}
        metadata = core_metadata.parse(archive.read(f"{info}/METADATA"))
        record = csv.reader(io.StringIO(archive.read(f"{info}/RECORD").decode()))
        pure = wheel.filename.endswith("-none-any.whl")
        # What was grafted has a digest in its name.
        payload = {
            (row[0], row[1] if pure else "")
            for row in record
            if row and not row[0].startswith(f"{info}/") and not row[0].partition("/")[0].endswith(".libs")
        }
    return core_metadata.asked_of(metadata), frozenset(payload)


def _for_one_python(wheel: BuiltWheel, target: Target, store: Store, epoch: int) -> BuiltWheel:
    """Return a pure wheel with the tag of the one Python that it was built by: ``cp39-none-any``."""
    short = "cp" if target.implementation == "cpython" else "pp"
    interpreter = short + target.python.removesuffix("t").replace(".", "")
    with store.scratch() as folder:
        old = store.take(wheel.sha256, folder / "old" / wheel.filename)
        made = rewrite(old, folder, Changes(interpreter=interpreter), epoch=epoch)
        size, sha256 = made.stat().st_size, store.add_file(made)
    return replace(wheel, filename=made.name, sha256=sha256, size=size)
