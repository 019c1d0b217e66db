"""From a ``wheelyard.toml``, or a file that stands in for one, to a ``Config``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

from packaging.utils import canonicalize_name

from wheelyard.config import sections
from wheelyard.config.inputs.projects import from_pylock, from_pyproject, read_toml
from wheelyard.config.inputs.requirements import Gathered, RequirementsReader, merge_names
from wheelyard.config.model import Config, PackageRule
from wheelyard.config.tables import Table, frozen
from wheelyard.config.urls import user_path
from wheelyard.domain.errors import ConfigError, WheelyardError
from wheelyard.domain.index import IndexSource
from wheelyard.domain.requirement import Requirement
from wheelyard.domain.settings import BuildSettings
from wheelyard.schema.problems import Problems
from wheelyard.targets.here import this_machine

NAME = "wheelyard.toml"
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")


def load(path: Path) -> Config:
    """Read a configuration.

    :param path: a ``wheelyard.toml`` (or another TOML file in its format), the folder that holds one, or what stands in
        for one: a requirements file (``*.txt``, ``*.in``), a ``pyproject.toml``, a ``pylock.toml``. With a stand-in
        the wheelhouse is written to the current folder.
    :raises ConfigError: for one mistake.
    :raises Failures: for several, all of them.
    """
    path = path.absolute()
    if path.is_dir():
        path /= NAME
    if not path.exists():
        raise ConfigError(
            "no such file", where=path.name, hint="`wheelyard init` writes one; or name a requirements file"
        )
    problems = Problems()
    if path.name == "pyproject.toml" or _PYLOCK.fullmatch(path.name) or path.suffix != ".toml":
        config = _stand_in(path, problems)
    else:
        config = _own(path, problems)
    if not config.requirements and not problems.found:
        problems.add(
            "nothing is required",
            where=path.name,
            hint='name requirements files: requirements = ["requirements.in"]'
            if path.suffix == ".toml"
            else "write one requirement a line",
        )
    if not config.default_indexes and not config.indexes and any(each.direct is None for each in config.requirements):
        problems.add("no index and no find-links folder to look in", where=path.name, hint="name one of them")
    problems.check()
    return config


def _stand_in(path: Path, problems: Problems) -> Config:
    reader = RequirementsReader(path.parent, problems)
    requirements: tuple[Requirement, ...] = ()
    try:
        if path.name == "pyproject.toml":
            requirements = from_pyproject(path, path.parent)
        elif path.suffix == ".toml":
            requirements = from_pylock(path, path.parent)
        else:
            reader.read(path)
    except WheelyardError as error:
        problems.found.append(error)
    config = Config(
        path=path, requirements=requirements, targets=(this_machine(),), wheelhouse=Path.cwd() / "wheelhouse"
    )
    return _with_files(config, reader.gathered, problems)


def _own(path: Path, problems: Problems) -> Config:
    top = Table(read_toml(path, path.name), "", path, problems)
    reader = RequirementsReader(path.parent, problems)
    for key, constraints in (("requirements", False), ("constraints", True)):
        for name in top.texts(key, example='["requirements.in"]'):
            reader.read(path.parent / user_path(name), constraints=constraints, where=top.where(key))
    listed = [*_from_pyproject(top, path), *_from_pylock(top, path)]
    indexes, credentials = sections.indexes(top)
    reader.gathered.credentials.update(credentials)
    of_files = reader.gathered.extra + ([reader.gathered.index] if reader.gathered.index else [])
    sections.check_mirrors(top, (*indexes, *of_files))
    only_binary, no_binary = _binary(top)
    own_index = any(each.kind == "simple" and not each.explicit for each in indexes)
    config = Config(
        path=path,
        requirements=tuple(listed),
        targets=sections.targets(top) or (this_machine(),),
        indexes=indexes,
        default_indexes=not own_index and not top.flag("no-index"),
        index_strategy=top.choice("index-strategy", ("one-index", "first-index"), "one-index"),
        packages=MappingProxyType(sections.packages(top, path.parent, [each.name for each in (*indexes, *of_files)])),
        only_binary=frozenset(only_binary),
        no_binary=frozenset(no_binary),
        prereleases=top.flag("prereleases"),
        prefer_binary=top.flag("prefer-binary"),
        resolver=top.choice("resolver", ("uv", "pip-tools"), "uv"),
        build=sections.build(top.table("build")),
        variants=_raw(top, "variant"),
        variant_wheels=top.flag("variant-wheels"),
        recipes=_raw(top, "recipe"),
        wheelhouse=_wheelhouse(top),
    )
    top.done(elsewhere={each.name.replace("_", "-"): "[build]" for each in dataclasses.fields(BuildSettings)})
    return _with_files(config, reader.gathered, problems)


def _from_pyproject(top: Table, path: Path) -> tuple[Requirement, ...]:
    written = top.get("pyproject")
    if written is None:
        return ()
    name: str | None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    if isinstance(written, dict):
        table = top.table("pyproject")
        name = table.text("path", "pyproject.toml")
        extras, groups = table.texts("extras"), table.texts("groups")
        table.done()
    else:
        name = top.text("pyproject", example='"pyproject.toml"')
    try:
        return from_pyproject(path.parent / name, path.parent, extras=extras, groups=groups) if name else ()
    except WheelyardError as error:
        top.problems.found.append(error)
        return ()


def _from_pylock(top: Table, path: Path) -> tuple[Requirement, ...]:
    name = top.text("pylock", example='"pylock.toml"')
    try:
        return from_pylock(path.parent / name, path.parent) if name else ()
    except WheelyardError as error:
        top.problems.found.append(error)
        return ()


def _wheelhouse(top: Table) -> Path:
    written = top.text("wheelhouse", "wheelhouse") or "wheelhouse"
    path = user_path(written)
    if path.parts[:1] and path.parts[0].startswith("~"):
        top.wrong("wheelhouse", f"nobody here is called {path.parts[0]}", "write the whole path")
    return top.folder / path


def _raw(top: Table, key: str) -> tuple[Mapping[str, object], ...]:
    """Return the tables of ``[[key]]`` as they are; what is in them is another room's business."""
    value = top.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        top.wrong(key, "expected tables", f"begin each with [[{key}]] on a line of its own")
        return ()
    return tuple(cast("Mapping[str, object]", frozen(each)) for each in value)


def _binary(top: Table) -> tuple[set[str], set[str]]:
    only: set[str] = set()
    never: set[str] = set()
    for name in top.texts("only-binary", example='["numpy"]'):
        merge_names(only, never, name)
    for name in top.texts("no-binary", example='["numpy"]'):
        merge_names(never, only, name)
    return only, never


def _with_files(config: Config, gathered: Gathered, problems: Problems) -> Config:
    """Return the configuration with what requirements files said; the configuration's own word wins."""
    requirements = (*gathered.requirements, *config.requirements)
    if gathered.require_hashes:
        _demand_hashes(requirements, problems)
    found = gathered.extra + ([gathered.index] if gathered.index else [])  # what was added on purpose comes first
    if gathered.no_index:
        found = [each for each in found if each.kind == "find-links"]
    taken = {each.name for each in config.indexes}
    found = [each for each in found if each.name not in taken]
    indexes = tuple(_trusted(each, gathered.trusted_hosts) for each in (*config.indexes, *found))
    return dataclasses.replace(
        config,
        requirements=requirements,
        constraints=tuple(gathered.constraints),
        indexes=indexes,
        default_indexes=config.default_indexes and not gathered.no_index and gathered.index is None,
        credentials=MappingProxyType(dict(gathered.credentials)),
        queries=MappingProxyType(dict(gathered.queries)),
        packages=_with_settings(config.packages, gathered.config_settings),
        only_binary=config.only_binary or frozenset(gathered.only_binary),
        no_binary=config.no_binary or frozenset(gathered.no_binary),
        prereleases=config.prereleases or gathered.prereleases,
        prefer_binary=config.prefer_binary or gathered.prefer_binary,
    )


def _trusted(index: IndexSource, hosts: Iterable[str]) -> IndexSource:
    host = index.url.partition("://")[2].partition("/")[0].lower()
    trusted = any(host == each or host.partition(":")[0] == each for each in hosts)
    return dataclasses.replace(index, trusted=index.trusted or trusted)


def _with_settings(
    packages: Mapping[str, PackageRule], settings: Mapping[str, Mapping[str, str]]
) -> Mapping[str, PackageRule]:
    rules = dict(packages)
    for name, values in settings.items():
        rule = rules.get(name) or PackageRule(name=name)
        merged: dict[str, str | tuple[str, ...]] = {**values, **rule.config_settings}
        rules[name] = dataclasses.replace(rule, config_settings=MappingProxyType(merged))
    return MappingProxyType(rules)


def _demand_hashes(requirements: Iterable[Requirement], problems: Problems) -> None:
    for each in requirements:
        if not each.hashes:
            problems.add(
                f"{each.text or each.direct} has no hash, but --require-hashes was given",
                where=f"{each.origin}:{each.line}",
                hint="add --hash=sha256:…, or take --require-hashes out: the lock has hashes in any case",
            )


def bound_names(rules: Mapping[str, PackageRule]) -> dict[str, str]:
    """Return which project may come from which one index, by normalised name."""
    return {canonicalize_name(name): rule.index for name, rule in rules.items() if rule.index is not None}
