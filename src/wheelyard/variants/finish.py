"""What a variant's wheel has to be and to carry: each axis is asked, when it is finished."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.command import Command
from wheelyard.domain.errors import VariantError, WheelError
from wheelyard.domain.repaired import Repaired
from wheelyard.sandbox.workspace import Workspace, given
from wheelyard.store.blobs import Store
from wheelyard.variants.axes import AXES
from wheelyard.variants.book import builtin

NOTE = "wheelyard.json"
"""The record in dist-info."""

_LICENCE = re.compile(r"[^/]+\.dist-info/(?:licen[cs]es/)?((?:LICEN[CS]E|COPYING|NOTICE)[^/]*)", re.IGNORECASE)


def check(unit: BuildUnit, wheel: Path, scratch: Path) -> None:
    """Refuse a repaired wheel that is not what was chosen, or of no variant and not for every host of its target.

    :param scratch: a folder for objects that are looked at.
    :raises VariantError: saying what was found, and where.
    """
    chosen = [axis.linked(unit.recipe.variant) for axis in AXES.values()]
    linked = tuple(each for each in chosen if each is not None)
    for axis in AXES.values():
        said = builtin().said(unit.package.name, unit.package.version, axis.recipe_keys)
        axis.check(unit, wheel, scratch, said=said, linked=linked)


def provided(recipe: Recipe) -> tuple[str, ...]:
    """Return the names (``fnmatch`` patterns) of libraries that come from elsewhere: repair grafts none of them."""
    return tuple(name for axis in AXES.values() for name in axis.provided(recipe))


def rework(unit: BuildUnit, repaired: Repaired, place: Workspace) -> Repaired:
    """Return a variant's repaired wheel as it has to be on the host.

    :raises VariantError: if what it needs is not locked.
    :raises ToolError: if a program that changes it fails.
    """
    for axis in AXES.values():
        repaired = axis.rework(unit, repaired, place)
    return repaired


def additions(unit: BuildUnit, place: Workspace, store: Store, repaired: Repaired) -> dict[str, bytes]:
    """Return what the wheel gets under its dist-info: the record of what was chosen, and licence texts.

    :raises VariantError: if a licence text that must be in it cannot be found.
    """
    texts = _licences(unit, place, store)
    said = {name: axis.record(unit, repaired, sorted(texts)) for name, axis in AXES.items()}
    note = {
        "build-key": unit.key,
        "grafted": list(repaired.grafted),
        "variant": dict(unit.recipe.variant),
        **{name: each for name, each in said.items() if each is not None},
    }
    return {NOTE: (json.dumps(note, indent=1, sort_keys=True) + "\n").encode(), **texts}


def with_build_key(wheel: Path, key: str) -> dict[str, bytes]:
    """Return the record of a variant's wheel with the build key of what is made from it."""
    note = {**(read_note(wheel) or {}), "build-key": key}
    return {NOTE: (json.dumps(note, indent=1, sort_keys=True) + "\n").encode()}


def _licences(unit: BuildUnit, place: Workspace, store: Store) -> dict[str, bytes]:
    requirements = {requirement.name: requirement for requirement in unit.package.build_requirements}
    texts: dict[str, bytes] = {}
    for source in unit.recipe.licences:
        if source.startswith("/"):
            texts[f"licenses/{'-'.join(Path(source).parts[-2:])}"] = _from_image(source, place)
            continue
        required = requirements.get(canonicalize_name(source))
        if required is None or not required.file.is_wheel:
            raise VariantError(
                f"{source} is not among the build requirements",
                where=place.package,
                hint="lock again: the variant needs it",
            )
        wheel = given(store, place.root, required.file.sha256, required.file.filename)
        for name, text in wheel_licences(wheel, required.file.filename).items():
            texts[f"licenses/{source}-{name}"] = text
    return texts


def wheel_licences(wheel: Path, filename: str) -> Mapping[str, bytes]:
    """Return the licence texts of a wheel by file name.

    :raises VariantError: if it has none.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = {
                match[1]: archive.read(name)
                for name in archive.namelist()
                if (match := _LICENCE.fullmatch(name)) is not None
            }
    except zipfile.BadZipFile as error:
        raise WheelError(f"cannot be read: {error}", where=filename) from error
    if not found:
        raise VariantError("it carries no licence text", where=filename)
    return found


def _from_image(path: str, place: Workspace) -> bytes:
    """Read a file of the image that a build happens in."""
    done = place.sandbox.run(
        Command(
            argv=("cat", path),
            cwd=place.root,
            env={"PATH": "/usr/bin:/bin"},
            writable=(place.root,),
            limits=place.limits,
            log=place.aside / "licence.log",
        )
    )
    # The door writes the command as the first line of the log, and returns what came behind it.
    if done.returncode != 0 or not done.output.strip():
        raise VariantError(
            f"the licence text {path} is not in the image",
            where=place.package,
            hint="install the library's package with its documentation",
        )
    return done.output.encode()


def read_note(wheel: Path, *, filename: str | None = None) -> Mapping[str, object] | None:
    """Return the record that a variant's wheel carries, or None for any other wheel.

    :raises WheelError: if it is not a wheel, or its record is no JSON object.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [name for name in archive.namelist() if re.fullmatch(rf"[^/]+\.dist-info/{NOTE}", name)]
            note = json.loads(archive.read(found[0])) if found else None
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise WheelError(f"cannot be read: {error}", where=filename or wheel.name) from error
    if note is not None and not isinstance(note, dict):
        raise WheelError(f"{NOTE} is no JSON object", where=filename or wheel.name)
    return note
