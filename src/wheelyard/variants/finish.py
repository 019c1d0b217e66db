"""What a variant's wheel has to carry and to be: the last step of its build."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.domain.build import BuildUnit, Recipe
from wheelyard.domain.command import Command
from wheelyard.domain.errors import VariantError, WheelError
from wheelyard.domain.repaired import Repaired
from wheelyard.sandbox.workspace import Workspace, given
from wheelyard.store.blobs import Store
from wheelyard.variants import identity, objects, simd
from wheelyard.variants.book import Library, builtin
from wheelyard.variants.recipes import version_of
from wheelyard.variants.share import is_shared, loading, provided, source_of

_X86_64 = (62).to_bytes(2, "little")
"""``e_machine`` of an object: a wheel may carry others, for what it compiles itself."""

NOTE = "wheelyard.json"
"""The record in dist-info."""

_LICENCE = re.compile(r"[^/]+\.dist-info/(?:licen[cs]es/)?((?:LICEN[CS]E|COPYING|NOTICE)[^/]*)", re.IGNORECASE)


def check(unit: BuildUnit, wheel: Path, scratch: Path) -> None:
    """Refuse a repaired wheel that is not what the variant's recipe says.

    :param scratch: a folder for objects that are looked at.
    :raises VariantError: if it has another BLAS or none, or instructions that were not asked for, or not those.
    """
    variant = unit.recipe.variant
    where = f"{unit.package.name} {unit.package.version}, {unit.recipe.local_version}, target {unit.target.name}"
    if blas := variant.get("blas"):
        check_blas(identity.binaries(wheel), blas, where, loading=loading(wheel, unit.recipe))
    if _is_read(unit):
        static = builtin().libraries[variant["blas"]].static if "blas" in variant else None
        code = inspect_wheel(wheel, scratch, _dispatched(unit), static)
        level = variant.get("simd", simd.BASELINE)
        objects.check(code, max(level, _level(unit), key=simd.psabi_level), where)


def check_baseline(unit: BuildUnit, wheel: Path, scratch: Path) -> None:
    """Refuse a repaired wheel of no variant that needs more than every host of its target has.

    :param scratch: a folder for objects that are looked at.
    :raises VariantError: naming objects and functions, and the line that allows them.
    """
    if not _is_read(unit):
        return
    level = _level(unit)
    code = inspect_wheel(wheel, scratch, _dispatched(unit), None)
    if wrong := objects.too_high(code, level):
        patterns = ", ".join(f"'{each}'" for each in objects.settling(code, level))
        raise VariantError(
            f"it would die on hosts of the target, which have {level}: {'; '.join(wrong)}",
            where=f"{unit.package.name} {unit.package.version}, target {unit.target.name}",
            hint="its build chose a newer CPU: see its options for [packages.NAME] environment or config-settings. If "
            f"it asks the CPU before it calls these: [packages.{unit.package.name}] dispatched = [{patterns}]. "
            f'If all your hosts have more: [[target]] cpu-level = "x86-64-v{max(each.needs for each in code)}"',
        )


def _is_read(unit: BuildUnit) -> bool:
    return unit.target.machine == "x86_64" and not unit.target.platform.startswith("macosx")


def _level(unit: BuildUnit) -> str:
    """Return what the hosts of a target have, or what every build of the package is known to need."""
    own = builtin().recipe_for(unit.package.name, unit.package.version)
    levels = (unit.target.cpu_level or "x86-64", own.needs if own else "x86-64")
    return max(levels, key=simd.psabi_level)


def _dispatched(unit: BuildUnit) -> list[re.Pattern[str]]:
    own = builtin().recipe_for(unit.package.name, unit.package.version)
    return [*map(re.compile, unit.recipe.dispatched), *(own.dispatched if own else ())]


def check_blas(binaries: Sequence[identity.Binary], blas: str, where: str, *, loading: Sequence[str] = ()) -> None:
    """Refuse a wheel that has another BLAS than the one it was built for, or several, or none.

    :param loading: objects that load it from elsewhere.
    :raises VariantError: naming what was found, and in which object.
    """
    found = {name: each.member for each in binaries for name in sorted(each.blas)}
    if loading:
        # A copy in the wheel, besides, would be a second BLAS.
        found = {f"a copy of {blas}" if name == blas else name: member for name, member in found.items()}
        found[blas] = loading[0]
    if set(found) == {blas}:
        return
    if not found:
        raise VariantError(
            f"the build was to take {blas}, and took no BLAS at all",
            where=where,
            hint="its log says what was looked for; many packages fall back without a word",
        )
    others = ", ".join(f"{name} (in {member})" for name, member in sorted(found.items()) if name != blas)
    raise VariantError(
        f"the build was to take {blas}, and took {others}" + (" as well" if blas in found else ""),
        where=where,
        hint="the recipe does not reach the build, or something it links brings a BLAS along",
    )


def inspect_wheel(
    wheel: Path, scratch: Path, dispatched: Sequence[re.Pattern[str]], static: re.Pattern[str] | None
) -> tuple[objects.ObjectCode, ...]:
    """Return what levels the functions of a wheel's own objects need; grafted libraries are not the package's."""
    found = []
    scratch.mkdir(parents=True, exist_ok=True)
    place = scratch / "object"
    for member, content in identity.objects_of(wheel):
        if not identity.is_grafted(member) and content.startswith(b"\x7fELF") and content[18:20] == _X86_64:
            place.write_bytes(content)
            linked = static if static and identity.identify(content) else None
            found.append(objects.inspect(place, name=member, dispatched=dispatched, static=linked))
            place.unlink()
    return tuple(found)


def additions(unit: BuildUnit, place: Workspace, store: Store, repaired: Repaired) -> dict[str, bytes]:
    """Return what the wheel gets under its dist-info: the record of what was chosen, and the BLAS's licence texts.

    :raises VariantError: if a licence text that must be in it cannot be found.
    """
    recipe = unit.recipe
    texts = _licences(unit, place, store)
    note: dict[str, object] = {
        "build-key": unit.key,
        "grafted": list(repaired.grafted),
        "variant": dict(recipe.variant),
    }
    if blas := recipe.variant.get("blas"):
        note["blas"] = {**_told(builtin().libraries[blas], recipe, repaired), "texts": sorted(texts)}
    return {NOTE: (json.dumps(note, indent=1, sort_keys=True) + "\n").encode(), **texts}


def _told(library: Library, recipe: Recipe, repaired: Repaired) -> dict[str, object]:
    """Return what a BLAS is, for the record: what is not known, or does not hold, is left out."""
    source = source_of(recipe)
    wheel = source.requires[0] if source and is_shared(recipe) else ""
    files = [Path(each.member).name for each in identity.binaries(repaired.path) if each.grafted and each.blas]
    told = {
        "title": library.title,
        "version": version_of(recipe),
        "licence": library.licence,
        "restricted": library.restricted,
        "files": files,
        "loaded-from": wheel or ("the host" if provided(recipe) else ""),
    }
    return {name: value for name, value in told.items() if value}


def with_build_key(wheel: Path, key: str) -> dict[str, bytes]:
    """Return the record of a variant's wheel with the build key of what is made from it."""
    note = {**(read_note(wheel) or {}), "build-key": key}
    return {NOTE: (json.dumps(note, indent=1, sort_keys=True) + "\n").encode()}


def _licences(unit: BuildUnit, place: Workspace, store: Store) -> dict[str, bytes]:
    requirements = {each.name: each for each in unit.package.build_requirements}
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
            found = [each for each in archive.namelist() if re.fullmatch(rf"[^/]+\.dist-info/{NOTE}", each)]
            note = json.loads(archive.read(found[0])) if found else None
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise WheelError(f"cannot be read: {error}", where=filename or wheel.name) from error
    if note is not None and not isinstance(note, dict):
        raise WheelError(f"{NOTE} is no JSON object", where=filename or wheel.name)
    return note
