"""The tables of ``wheelyard.toml``: ``[[target]]``, ``[[index]]``, ``[packages.NAME]`` and ``[build]``."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.single import advice
from wheelyard.config.model import PackageRule
from wheelyard.config.tables import Table
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
from wheelyard.domain.index import IndexSource
from wheelyard.domain.settings import BuildSettings, SandboxName
from wheelyard.domain.target import Target
from wheelyard.schema.problems import nearest
from wheelyard.targets import platforms, presets
from wheelyard.targets.here import default_name, from_interpreter, this_machine
from wheelyard.targets.interpreters import find, probe

_SANDBOXES: tuple[SandboxName, ...] = ("auto", "bubblewrap", "unshare", "sandbox-exec", "container", "none")
_CPU_LEVELS = ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4")
_TARGET_NAME = re.compile(r"[a-z0-9_-]+")
_PYTHON = re.compile(r"(3\.(\d{1,2}))(t?)(\.\d{1,3})?(t?)")
_PIP = re.compile(r"\d+(\.\d+){1,3}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|[KMGT])?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_OF_PIP = re.compile(r"default|(extra|find-links)-[1-9][0-9]*")
"""What the indexes of pip's configuration are called here."""
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def targets(top: Table) -> tuple[Target, ...]:
    """Return the targets of ``target``, ``targets`` and ``[[target]]``, in order; none where none is written."""
    found = [_preset(name, top, "targets") for name in top.texts("targets", example='["el9", "el8-py39"]')]
    written = top.get("target")
    if isinstance(written, str):
        found.append(_preset(written, top, "target"))
    elif isinstance(written, list) and written and all(isinstance(each, str) for each in written):
        found += [_preset(name, top, "target") for name in top.texts("target")]
    elif written is not None:
        found += [_target(table) for table in top.tables("target")]
    good = [each for each in found if each is not None]
    for number, each in enumerate(good):
        if each.name in {other.name for other in good[:number]}:
            top.wrong("[[target]]", f"two targets are named {each.name!r}", 'give one of them another: name = "…"')
    return tuple(good)


def _preset(name: str, table: Table, key: str) -> Target | None:
    try:
        return presets.target(name)
    except WheelyardError as error:
        table.problems.note(error, where=table.where(key))
        return None


def _target(table: Table) -> Target | None:
    """Return the target of one ``[[target]]``."""
    before = len(table.problems.found)
    preset, interpreter = table.text("preset", example='"el9"'), _interpreter(table)
    python, full = _python(table)
    platform = table.text("platform", example='"manylinux_2_34_x86_64"')
    if platform is not None:
        platform = _known(platform, table)
    name, pip = table.text("name"), table.text("pip", example='"21.2.3"')
    if name is not None and not _TARGET_NAME.fullmatch(name):
        table.wrong("name", f"{name!r} cannot name a folder of the wheelhouse", "use a-z, 0-9, _ and - only")
    if pip is not None and not _PIP.fullmatch(pip):
        table.wrong("pip", f"{pip!r} is no version of pip", 'write: pip = "21.2.3"')
    implementation = table.choice("implementation", ("cpython", "pypy"), "cpython")
    further = {
        "image": table.text("image"),
        "host_image": table.text("host-image"),
        "cpu_level": _cpu_level(table),
        "toolchain": table.text("toolchain", example='"zig"'),
        **_sdks(table),
        **_carried_python(table),
    }
    if further["toolchain"] not in (None, "zig"):
        table.wrong("toolchain", f"{further['toolchain']!r} is unknown", 'only "zig"; without it, the usual compiler')
    table.done()
    if len(table.problems.found) > before:
        return None
    try:
        base = _base(preset, python, platform, interpreter, implementation)
        changes = {"name": name, "python_full": full, "platform": platform, "pip": pip, "interpreter": interpreter}
        target = dataclasses.replace(
            base, **{key: value for key, value in {**changes, **further}.items() if value is not None}
        )
        if name is None and preset is None:
            target = dataclasses.replace(
                target, name=default_name(target.python, target.platform, target.implementation)
            )
        if interpreter is not None:
            find(target)
    except WheelyardError as error:
        table.problems.note(error, where=table.where())
        return None
    return target


def _cpu_level(table: Table) -> str | None:
    """Return the instruction level that every host of a target has."""
    level = table.text("cpu-level", example='"x86-64-v2"')
    if level is not None and level not in _CPU_LEVELS:
        table.wrong("cpu-level", f"{level!r} is no level that hosts can be asked for", nearest(level, _CPU_LEVELS))
    return level


def _sdks(table: Table) -> dict[str, str | None]:
    """Return what a cross build compiles against, paths relative to the file."""
    found: dict[str, str | None] = {"sdk_sha256": _sha256(table, "sdk-sha256")}
    for key, exists, what in (
        ("sdk", is_file, "file"),
        ("libraries", is_folder, "folder"),
        ("apple-sdk", is_folder, "folder"),
    ):
        written = table.text(key)
        if written and key == "sdk" and is_url(written):
            if found["sdk_sha256"] is None:
                table.wrong(key, "nothing says what is in it", 'write: sdk-sha256 = "…"')
            if "@" in written or "?" in written:
                table.wrong(key, "a password or token does not belong here", "put user name and password into ~/.netrc")
            found[key] = written
            continue
        path = table.folder / user_path(written) if written else None
        if path is not None and not exists(path):
            table.wrong(key, f"no such {what}: {written}", "paths are relative to the configuration file")
        found[key.replace("-", "_")] = str(path) if path else None
    return found


def _carried_python(table: Table) -> dict[str, str | None]:
    """Return the archive of a Python that the wheelhouse carries, its path relative to the file, and its SHA-256."""
    written, digest = table.text("carried-python"), _sha256(table, "carried-python-sha256")
    if written is not None and digest is None:
        table.wrong("carried-python", "nothing says what is in it", 'write: carried-python-sha256 = "…"')
    path = table.folder / user_path(written) if written else None
    if path is not None and not is_file(path):
        table.wrong("carried-python", f"no such file: {written}", "paths are relative to the configuration file")
    return {"carried_python": str(path) if path else None, "carried_python_sha256": digest}


def _sha256(table: Table, key: str) -> str | None:
    digest = table.text(key)
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        table.wrong(key, f"{digest!r} is no SHA-256", "64 hexadecimal digits, as sha256sum prints them")
    return digest


def _interpreter(table: Table) -> str | None:
    """Return the path of an interpreter: a name is looked for on PATH, a path is relative to the file."""
    written = table.text("interpreter", example='"/usr/bin/python3"')
    if written is None or "/" not in written:
        return (shutil.which(written) or written) if written else None
    return str(table.folder / user_path(written))


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
        interpreter=interpreter,
    )
    if platform is None and (found := find(wanted)):
        return from_interpreter(found)
    return wanted


def _python(table: Table) -> tuple[str | None, str | None]:
    """Return ``python`` as ``X.Y[t]``, and in full where it is written so."""
    written = table.text("python", example='"3.9"')
    if written is None:
        return None, None
    found = _PYTHON.fullmatch(written)
    if not found or not presets.OLDEST <= int(found[2]) <= presets.NEWEST:
        hint = f"3.{presets.OLDEST} to 3.{presets.NEWEST} are known, free-threaded ones as 3.13t"
        table.wrong("python", f"{written!r} is no Python that a target can have", hint)
        return None, None
    threads = "t" if found[3] or found[5] else ""
    return found[1] + threads, found[1] + found[4] if found[4] else None


def _known(platform: str, table: Table) -> str | None:
    """Return a platform tag by its PEP 600 name."""
    try:
        return platforms.parse(platform).tag
    except WheelyardError as error:
        table.problems.note(error, where=table.where("platform"))
        return None


def indexes(top: Table) -> tuple[tuple[IndexSource, ...], dict[str, tuple[str, str]]]:
    """Return the indexes of ``[[index]]``, and the credentials that their URLs had."""
    found: list[IndexSource] = []
    secrets: dict[str, tuple[str, str]] = {}
    for table in top.tables("index"):
        name, url = table.text("name", example='"internal"'), table.text("url", example='"https://…/simple"')
        kind: Literal["simple", "find-links"] = table.choice("kind", ("simple", "find-links"), "simple")
        explicit, trusted = table.flag("explicit"), table.flag("trusted")
        mirror_of = table.text("mirror-of", example='"internal"')
        table.done()
        if name is None or url is None:
            for key, value in (("name", name), ("url", url)):
                if value is None and table.get(key) is None:
                    table.wrong(key, "is missing", f'write: {key} = "…"')
            continue
        if name in {each.name for each in found}:
            table.wrong("name", f"two indexes are named {name!r}", "rename one of them")
        try:
            bare, credentials = without_credentials(_place(expand(url), top))
            bare = without_query(bare) if kind == "simple" else bare
        except (UnsetVariableError, ValueError) as error:
            table.wrong("url", unexpanded(str(error), url), "write the URL of an index: https://host/simple")
            continue
        secrets.update(credentials)
        found.append(
            IndexSource(name=name, url=bare, kind=kind, explicit=explicit, trusted=trusted, mirror_of=mirror_of)
        )
    return tuple(found), secrets


def check_mirrors(top: Table, indexes: Collection[IndexSource]) -> None:
    """Report every ``mirror-of`` that names no index, or one that is itself a mirror."""
    mirrors = {each.name: each.mirror_of for each in indexes}
    originals = [name for name, mirror_of in mirrors.items() if mirror_of is None]
    for name, mirror_of in mirrors.items():
        if mirror_of is None or mirror_of in originals or (mirror_of not in mirrors and _OF_PIP.fullmatch(mirror_of)):
            continue
        if mirror_of in mirrors:
            top.wrong(f"[[index]] {name!r} mirror-of", f"{mirror_of!r} is a mirror itself", "name the one it mirrors")
        else:
            top.wrong(
                f"[[index]] {name!r} mirror-of", f"no index is named {mirror_of!r}", nearest(mirror_of, originals)
            )


def _place(url: str, top: Table) -> str:
    """Return an index's URL, where a path of this machine may be written as such.

    :raises ValueError: if it is neither.
    """
    if re.match(r"(https?://[^/]|file:///)", url):
        return url
    if "://" in url:
        raise ValueError(f"no index can be at {url.partition('://')[0]}://")
    folder = top.folder / user_path(url)
    if not is_folder(folder):
        raise ValueError(f"no such folder: {url}")
    return folder.resolve().as_uri()


def packages(top: Table, root: Path, known: Collection[str]) -> dict[str, PackageRule]:
    """Return the rules of ``[packages.NAME]`` by normalised name; ``known``: names of indexes."""
    rules: dict[str, PackageRule] = {}
    section = top.table("packages")
    for written in section.mapping_keys():
        table = section.table(written)
        name = canonicalize_name(written)
        if name in rules:
            table.wrong("", f"{written!r} is the same project as another table's", "put both into one table")
        index = table.text("index")
        if index is not None and index not in known and not _OF_PIP.fullmatch(index):
            hint = nearest(index, known) or f'add [[index]] with name = "{index}"'
            table.wrong("index", f"no index is named {index!r}", hint)
        rules[name] = PackageRule(
            name=name,
            build=table.choice("build", ("auto", "always", "never"), "auto"),
            index=index,
            environment=MappingProxyType(_environment(table)),
            config_settings=MappingProxyType(_settings(table)),
            patches=_patches(table, root),
            build_requires=_requirements(table, "build-requires"),
            image_packages=table.texts("image-packages"),
            dispatched=_patterns(table, "dispatched"),
            build_number=table.whole("build-number", 0),
            imports=table.texts("imports") if table.get("imports") is not None else None,
        )
        table.done()
    return rules


def _environment(table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.mapping("environment").items():
        if isinstance(value, (str, int)) and not isinstance(value, bool) and re.fullmatch(r"[A-Za-z_]\w*", key):
            found[key] = str(value)
        else:
            table.wrong(f"environment.{key}", "expected NAME = text", 'an example: environment = { CFLAGS = "-O3" }')
    return found


def _settings(table: Table) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for key, value in table.mapping("config-settings").items():
        if isinstance(value, str):
            found[key] = value
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[key] = tuple(value)
        else:
            hint = 'an example: config-settings = { setup-args = ["-Dblas=openblas"] }'
            table.wrong(f"config-settings.{key}", "expected a text or a list of texts", hint)
    return found


def _patches(table: Table, root: Path) -> tuple[Path, ...]:
    paths = tuple(root / user_path(each) for each in table.texts("patches", example='["fix.patch"]'))
    for path in paths:
        if not is_file(path):
            table.wrong("patches", f"no such file: {path.name}", "paths are relative to the configuration file")
    return paths


def _patterns(table: Table, key: str) -> tuple[str, ...]:
    """Return a list of regular expressions."""
    found = table.texts(key, example="['_avx2$']")
    for text in found:
        try:
            re.compile(text)
        except re.error as error:
            table.wrong(key, f"{text!r} is no regular expression: {error}", f"write: {key} = ['_avx2$']")
    return found


def _requirements(table: Table, key: str) -> tuple[str, ...]:
    found = []
    for text in table.texts(key, example='["setuptools<80"]'):
        try:
            found.append(str(Parsed(text)))
        except InvalidRequirement:
            table.wrong(key, f"{text!r} is no requirement", advice(text))
    return tuple(found)


def build(table: Table) -> BuildSettings:
    """Return ``[build]``."""
    default = BuildSettings()
    settings = BuildSettings(
        jobs=table.whole("jobs", default.jobs),
        timeout=_measure(table, "timeout", default.timeout, _DURATION, {"s": 1, "m": 60, "h": 3600}, '"90m"'),
        memory=int(_measure(table, "memory", default.memory, _SIZE, _UNITS, '"8 GiB"')),
        sandbox=table.choice("sandbox", _SANDBOXES, default.sandbox),
        require_sandbox=table.flag("require-sandbox"),
        source_date_epoch=table.whole("source-date-epoch", default.source_date_epoch),
        engine=table.text("engine", example='"podman"'),
        engine_arguments=table.texts("engine-arguments"),
    )
    table.done()
    return settings


def _measure(
    table: Table, key: str, default: float, pattern: re.Pattern[str], units: dict[str, int], example: str
) -> float:
    """Return a number of seconds or bytes, which may be written with its unit."""
    value = table.get(key)
    if isinstance(value, str):
        found = pattern.fullmatch(value.strip())
        if found and float(found[1]) > 0:
            return float(found[1]) * units[(found[2] or next(iter(units)))[0].lower()]
        table.wrong(key, f"{value!r} is not understood", f"write: {key} = {example}")
        return default
    return table.number(key, default)
