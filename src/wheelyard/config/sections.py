"""The tables of ``wheelyard.toml`` as values: ``[[target]]``, ``[[index]]``, ``[packages.NAME]`` and ``[build]``."""

from __future__ import annotations

import ast
import dataclasses
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.single import advice
from wheelyard.config.model import PackageRule
from wheelyard.config.schema import BuildTable, Document, IndexTable, PackageTable, SignTable, TargetTable
from wheelyard.config.urls import (
    UnsetVariableError,
    expand,
    is_file,
    is_folder,
    is_url,
    unexpanded,
    user_path,
    without_credentials,
    without_query,
)
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.index import OF_PIP, IndexSource
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import BuildHost, CarriedPython, Target
from wheelyard.schema.location import Location
from wheelyard.schema.problems import nearest
from wheelyard.schema.tables import texts
from wheelyard.targets import platforms, presets
from wheelyard.targets.here import default_name, from_interpreter, this_machine
from wheelyard.targets.interpreters import find, probe

_TARGET_NAME = re.compile(r"[a-z0-9_-]+")
_PYTHON = re.compile(r"(3\.(\d{1,2}))(t?)(\.\d{1,3})?(t?)", re.ASCII)
_PIP = re.compile(r"\d+(\.\d+){1,3}", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|[KMGT])?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def targets(top: Document) -> tuple[tuple[Target, ...], dict[str, tuple[str, ...]]]:
    """Return the targets of ``targets``, ``target`` and ``[[target]]``, in order; none where none is written.

    Beside them: the constraints files that a target has for itself, by its name.
    """
    found = [_preset(name, top.place, "targets") for name in texts(top.targets)]
    own: dict[str, tuple[str, ...]] = {}
    for each in (top.target,) if isinstance(top.target, str) else top.target or ():
        target = _preset(each, top.place, "target") if isinstance(each, str) else _target(each)
        found.append(target)
        if target is not None and not isinstance(each, str) and each.constraints:
            own[target.name] = texts(each.constraints)
    good = [each for each in found if each is not None]
    for number, target in enumerate(good):
        if target.name in {other.name for other in good[:number]}:
            top.place.wrong(
                "[[target]]", f"two targets are named {target.name!r}", 'give one of them another: name = "…"'
            )
    return tuple(good), own


def _preset(name: str, place: Location, key: str) -> Target | None:
    try:
        return presets.target(name)
    except WheelyardError as error:
        place.problems.note(error, where=place.where(key))
        return None


def _target(table: TargetTable) -> Target | None:
    """Return the target of one ``[[target]]``."""
    place = table.place
    before = len(place.problems.found)
    interpreter = _interpreter(table)
    python, full = _python(table)
    platform = None if table.platform is None else _known(table.platform, place)
    if table.name is not None and not _TARGET_NAME.fullmatch(table.name):
        place.wrong("name", f"{table.name!r} cannot name a folder of the wheelhouse", "use a-z, 0-9, _ and - only")
    if table.pip is not None and not _PIP.fullmatch(table.pip):
        place.wrong("pip", f"{table.pip!r} is no version of pip", 'write: pip = "21.2.3"')
    changes: dict[str, Any] = {
        "name": table.name,
        "python_full": full,
        "platform": platform,
        "pip": table.pip,
        "externally_managed": table.externally_managed,
        "cpu_level": table.cpu_level,
    }
    carried = {"python": _carried_python(table), "pip": table.carry_pip}
    build = {
        "interpreter": interpreter,
        "image": table.image,
        "host_image": table.host_image,
        "toolchain": table.toolchain,
        **_sdks(table),
    }
    if len(place.problems.found) > before:
        return None
    try:
        base = _base(table.preset, python, platform, interpreter, table.implementation)
        target = dataclasses.replace(
            base,
            **_said(changes),
            build=dataclasses.replace(base.build, **_said(build)),
            carried=dataclasses.replace(base.carried, **_said(carried)),
        )
        if table.name is None and table.preset is None:
            target = dataclasses.replace(
                target, name=default_name(target.python, target.platform, target.implementation)
            )
        if interpreter is not None:
            find(target)
    except WheelyardError as error:
        place.problems.note(error, where=place.where())
        return None
    return target


def _said(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those changes that the table says."""
    return {key: value for key, value in changes.items() if value is not None}


def _sdks(table: TargetTable) -> dict[str, str | None]:
    """Return what a cross build compiles against, paths relative to the file."""
    found: dict[str, str | None] = {"sdk_sha256": table.sdk_sha256}
    if table.sdk is not None and is_url(table.sdk):
        if table.sdk_sha256 is None:
            table.place.wrong("sdk", "nothing says what is in it", 'write: sdk-sha256 = "…"')
        if "@" in table.sdk or "?" in table.sdk:
            hint = "put user name and password into ~/.netrc"
            table.place.wrong("sdk", "a password or token does not belong here", hint)
        found["sdk"] = table.sdk
    else:
        found["sdk"] = _file(table.place, "sdk", table.sdk)
    found["libraries"] = _file(table.place, "libraries", table.libraries, folder=True)
    found["apple_sdk"] = _file(table.place, "apple-sdk", table.apple_sdk, folder=True)
    return found


def _file(place: Location, key: str, written: str | None, *, folder: bool = False) -> str | None:
    """Return the whole path of a file or folder that has to be there."""
    if written is None:
        return None
    path = place.folder / user_path(written)
    if not (is_folder if folder else is_file)(path):
        what = "folder" if folder else "file"
        place.wrong(key, f"no such {what}: {written}", "paths are relative to the configuration file")
    return str(path)


def _carried_python(table: TargetTable) -> CarriedPython | None:
    """Return the Python that the wheelhouse carries."""
    archive, sha256 = _file(table.place, "carried-python", table.carried_python), table.carried_python_sha256
    if archive is not None and sha256 is None:
        table.place.wrong("carried-python", "nothing says what is in it", 'write: carried-python-sha256 = "…"')
    return CarriedPython(archive=archive, sha256=sha256) if archive and sha256 else None


def _interpreter(table: TargetTable) -> str | None:
    """Return the path of an interpreter: a name is looked for on PATH, a path is relative to the file."""
    written = table.interpreter
    if written is None or "/" not in written:
        return (shutil.which(written) or written) if written else None
    return str(table.place.folder / user_path(written))


def _base(
    preset: str | None, python: str | None, platform: str | None, interpreter: str | None, implementation: str
) -> Target:
    """Return the target before the table's own words: a preset's, an interpreter's or this machine's."""
    if preset is not None:
        plain = presets.target(preset)
        return presets.target(f"{preset}-py{python.replace('.', '')}") if python not in (None, plain.python) else plain
    if python is None:
        return from_interpreter(probe(interpreter)) if interpreter else this_machine()
    here = this_machine()
    if platform is None and here.python == python and here.implementation == implementation:
        return here
    wanted = Target(
        name="unnamed",
        python=python,
        python_full=presets.late_release(python),
        platform=platform or here.platform,
        implementation=implementation,
        build=BuildHost(interpreter=interpreter),
    )
    if platform is None and (found := find(wanted)):
        return from_interpreter(found)
    return wanted


def _python(table: TargetTable) -> tuple[str | None, str | None]:
    """Return ``python`` as ``X.Y[t]``, and in full where it is written so."""
    if table.python is None:
        return None, None
    match = _PYTHON.fullmatch(table.python)
    if not match or not presets.OLDEST <= int(match[2]) <= presets.NEWEST:
        hint = f"3.{presets.OLDEST} to 3.{presets.NEWEST} are known, free-threaded ones as 3.13t"
        table.place.wrong("python", f"{table.python!r} is no Python that a target can have", hint)
        return None, None
    threads = "t" if match[3] or match[5] else ""
    return match[1] + threads, match[1] + match[4] if match[4] else None


def _known(platform: str, place: Location) -> str | None:
    """Return a platform tag by its PEP 600 name."""
    try:
        return platforms.parse(platform).tag
    except WheelyardError as error:
        place.problems.note(error, where=place.where("platform"))
        return None


def indexes(tables: Sequence[IndexTable]) -> tuple[tuple[IndexSource, ...], dict[str, tuple[str, str]]]:
    """Return the indexes of ``[[index]]``, and the credentials that their URLs had."""
    found: list[IndexSource] = []
    secrets: dict[str, tuple[str, str]] = {}
    for table in tables:
        if table.name in {each.name for each in found}:
            table.place.wrong("name", f"two indexes are named {table.name!r}", "rename one of them")
        try:
            url, credentials = without_credentials(_place(expand(table.url), table.place.folder))
            url = without_query(url) if table.kind == "simple" else url
        except (UnsetVariableError, ValueError) as error:
            table.place.wrong(
                "url", unexpanded(str(error), table.url), "write the URL of an index: https://host/simple"
            )
            continue
        secrets.update(credentials)
        found.append(
            IndexSource(
                name=table.name,
                url=url,
                kind=table.kind,
                explicit=table.explicit,
                trusted=table.trusted,
                mirror_of=table.mirror_of,
            )
        )
    return tuple(found), secrets


def check_mirrors(place: Location, indexes: Collection[IndexSource]) -> None:
    """Report every ``mirror-of`` that names no index, or one that is itself a mirror."""
    mirrors = {index.name: index.mirror_of for index in indexes}
    originals = [name for name, mirror_of in mirrors.items() if mirror_of is None]
    for name, mirror_of in mirrors.items():
        key = f"[[index]] {name!r} mirror-of"
        if mirror_of is None or mirror_of in originals or (mirror_of not in mirrors and OF_PIP.fullmatch(mirror_of)):
            continue
        if mirror_of in mirrors:
            place.wrong(key, f"{mirror_of!r} is a mirror itself", "name the one it mirrors")
        else:
            place.wrong(key, f"no index is named {mirror_of!r}", nearest(mirror_of, originals))


def _place(url: str, root: Path) -> str:
    """Return an index's URL, where a path of this machine may be written as such.

    :raises ValueError: if it is neither.
    """
    if re.match(r"(https?://[^/]|file:///)", url):
        return url
    if "://" in url:
        raise ValueError(f"no index can be at {url.partition('://')[0]}://")
    folder = root / user_path(url)
    if not is_folder(folder):
        raise ValueError(f"no such folder: {url}")
    return folder.resolve().as_uri()


def packages(tables: Mapping[str, PackageTable], known: Collection[str]) -> dict[str, PackageRule]:
    """Return the rules of ``[packages.NAME]`` by normalised name; ``known``: names of indexes."""
    rules: dict[str, PackageRule] = {}
    for written, table in tables.items():
        place, name = table.place, canonicalize_name(written)
        if name in rules:
            place.wrong("", f"{written!r} is the same project as another table's", "put both into one table")
        if table.index is not None and table.index not in known and not OF_PIP.fullmatch(table.index):
            hint = nearest(table.index, known) or f'add [[index]] with name = "{table.index}"'
            place.wrong("index", f"no index is named {table.index!r}", hint)
        rules[name] = PackageRule(
            name=name,
            build=table.build,
            index=table.index,
            environment=MappingProxyType({key: str(value) for key, value in table.environment.items()}),
            config_settings=MappingProxyType(dict(table.config_settings)),
            patches=_patches(table),
            build_requires=requirements(table.place, "build-requires", texts(table.build_requires)),
            image_packages=texts(table.image_packages),
            dispatched=_patterns(table),
            build_number=table.build_number,
            imports=None if table.imports is None else texts(table.imports),
            check=_check(table),
        )
    return rules


def _check(table: PackageTable) -> str | None:
    """Return the code of a package's check; a name that ends with ``.py`` is a file's."""
    code, hint = table.check, "write Python code, or the name of a file that has it"
    if code is None:
        return None
    if code.endswith(".py") and "\n" not in code:
        try:
            code = (table.place.folder / user_path(code)).read_text("utf-8")
        except (OSError, ValueError) as error:
            table.place.wrong("check", f"cannot be read: {error}", hint)
            return None
    try:
        ast.parse(code)
    except (SyntaxError, ValueError) as error:
        table.place.wrong("check", f"no Python code: {error}", hint)
    return code


def _patches(table: PackageTable) -> tuple[Path, ...]:
    paths = tuple(table.place.folder / user_path(text) for text in texts(table.patches))
    for path in paths:
        if not is_file(path):
            table.place.wrong("patches", f"no such file: {path.name}", "paths are relative to the configuration file")
    return paths


def _patterns(table: PackageTable) -> tuple[str, ...]:
    for text in texts(table.dispatched):
        try:
            re.compile(text)
        except re.error as error:
            hint = "write: dispatched = ['_avx2$']"
            table.place.wrong("dispatched", f"{text!r} is no regular expression: {error}", hint)
    return texts(table.dispatched)


def requirements(place: Location, key: str, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the requirements (PEP 508) of a key, normalised; what is none is reported."""
    found = []
    for text in lines:
        try:
            found.append(str(Parsed(text)))
        except InvalidRequirement:
            place.wrong(key, f"{text!r} is no requirement", advice(text))
    return tuple(found)


def keys(table: SignTable, place: Location) -> tuple[Path, ...]:
    """Return the keys of ``[sign]``; whoever only locks need not have them."""
    names = (table.key,) if isinstance(table.key, str) else texts(table.key)
    return tuple(place.folder / user_path(name) for name in names)


def build(table: BuildTable, place: Location) -> BuildSettings:
    """Return ``[build]``."""
    default = BuildSettings()
    return BuildSettings(
        jobs=table.jobs,
        timeout=_measure(place, "timeout", table.timeout, default.timeout, _DURATION, _SECONDS, '"90m"'),
        memory=int(_measure(place, "memory", table.memory, default.memory, _SIZE, _UNITS, '"8 GiB"')),
        sandbox=table.sandbox,
        require_sandbox=table.require_sandbox,
        source_date_epoch=table.source_date_epoch,
        engine=table.engine,
        engine_arguments=texts(table.engine_arguments),
    )


def _measure(
    place: Location,
    key: str,
    value: float | str,
    default: float,
    pattern: re.Pattern[str],
    units: Mapping[str, int],
    example: str,
) -> float:
    """Return a number of seconds or bytes, which may be written with its unit."""
    if isinstance(value, str):
        match = pattern.fullmatch(value.strip())
        if match and float(match[1]) > 0:
            return float(match[1]) * units[(match[2] or next(iter(units)))[0].lower()]
        place.wrong(key, f"{value!r} is not understood", f"write: {key} = {example}")
        return default
    if not 0 < value < float("inf"):
        place.wrong(key, f"{value} is not above zero", f"write: {key} = {default}")
        return default
    return float(value)
