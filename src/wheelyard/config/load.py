"""From a ``wheelyard.toml``, or a file that stands in for one, to a ``Config``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name

from wheelyard.config import sections
from wheelyard.config.inputs import InputFormat, format_of, requirements, wheelhouse
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.requirements import RequirementsReader, merge_names
from wheelyard.config.inputs.selection import Selection
from wheelyard.config.inputs.toml_files import read_toml
from wheelyard.config.model import Config, PackageRule
from wheelyard.config.schema import BuildTable, Document, RequirementsTable
from wheelyard.config.urls import user_path
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.index import IndexSource
from wheelyard.domain.requirement import Requirement
from wheelyard.policy.read import read_policy
from wheelyard.schema.location import Location
from wheelyard.schema.problems import Problems
from wheelyard.schema.read import fields, read
from wheelyard.schema.tables import texts
from wheelyard.targets.here import this_machine
from wheelyard.variants.book import with_recipes
from wheelyard.variants.model import make_variants

NAME = "wheelyard.toml"
_FORMATS_HINT = "pyproject.toml, pylock.toml and pylock.NAME.toml are; see docs/inputs.md"


def load(path: Path) -> Config:
    """Read a configuration.

    :param path: a ``wheelyard.toml`` (or another TOML file in its format), the folder that holds one, or what stands in
        for one: a file in one of the formats of ``config.inputs``. With a stand-in
        the wheelhouse is written to the current folder.
    :raises ConfigError: for one mistake.
    :raises Failures: for several, all of them.
    """
    path = path.absolute()
    if path.is_dir() and not wheelhouse.matches(path):
        path /= NAME
    if not path.exists():
        raise ConfigError(
            "no such file", where=path.name, hint="`wheelyard init` writes one; or name a requirements file"
        )
    problems = Problems()
    known = format_of(path)
    config = _own(path, problems) if known is None else _stand_in(path, known, problems)
    if not config.requirements and not any(lock.packages for lock in config.locks) and not problems.found:
        problems.add(
            "nothing is required",
            where=path.name,
            hint='name requirements files: requirements = ["requirements.in"]'
            if path.suffix == ".toml"
            else "write one requirement a line",
        )
    from_indexes = config.locks or any(requirement.direct is None for requirement in config.requirements)
    if not config.default_indexes and not config.indexes and from_indexes:
        problems.add("no index and no find-links folder to look in", where=path.name, hint="name one of them")
    problems.check()
    return config


def _stand_in(path: Path, known: InputFormat, problems: Problems) -> Config:
    config = Config(path=path, requirements=(), targets=(this_machine(),), wheelhouse=Path.cwd() / "wheelhouse")
    return _with_files(config, known.read(path, path.parent, problems), problems)


def _own(path: Path, problems: Problems) -> Config:
    place = Location(file=path, problems=problems)
    elsewhere = dict.fromkeys(fields(BuildTable), "[build]")
    top = read(Document, read_toml(path, path.name), place, elsewhere=elsewhere)
    assert top is not None  # noqa: S101  (no key of the top is required)
    reader = RequirementsReader(path.parent, problems)
    for name in texts(top.constraints):
        reader.read(path.parent / user_path(name), constraints=True, where=place.where("constraints"))
    for entry in (top.requirements,) if isinstance(top.requirements, str) else top.requirements:
        _listed(entry, reader, place)
    targets, files = sections.targets(top)
    indexes, credentials = sections.indexes(top.index)
    reader.gathered.credentials.update(credentials)
    of_files = reader.gathered.extra + ([reader.gathered.index] if reader.gathered.index else [])
    sections.check_mirrors(place, (*indexes, *of_files))
    only_binary, no_binary = _binary(top)
    own_index = any(index.kind == "simple" and not index.explicit for index in indexes)
    config = Config(
        path=path,
        requirements=(),
        overrides=sections.requirements(place, "override-dependencies", texts(top.override_dependencies)),
        same_versions=top.same_versions
        if isinstance(top.same_versions, bool)
        else frozenset(canonicalize_name(name) for name in texts(top.same_versions)),
        excluded=frozenset(canonicalize_name(name) for name in texts(top.exclude_dependencies)),
        targets=targets or (this_machine(),),
        target_constraints=MappingProxyType(_of_targets(files, reader.gathered, place)),
        indexes=indexes,
        default_indexes=not own_index and not top.no_index,
        index_strategy=top.index_strategy,
        packages=MappingProxyType(sections.packages(top.packages, [index.name for index in (*indexes, *of_files)])),
        only_binary=frozenset(only_binary),
        no_binary=frozenset(no_binary),
        prereleases=top.prereleases,
        prefer_binary=top.prefer_binary,
        resolver=top.resolver,
        build=sections.build(top.build, place.table("build")),
        variants=make_variants(top.variant),
        variant_wheels=top.variant_wheels,
        recipe_book=with_recipes(top.recipe),
        site_name=top.site.name,
        contact=top.site.contact,
        build_logs=top.site.build_logs,
        policy=read_policy(top.policy, known=[index.name for index in (*indexes, *of_files)]),
        wheelhouse=_wheelhouse(top),
        keys=sections.keys(top.sign, place.table("sign")),
    )
    return _with_files(config, reader.gathered, problems)


def _listed(entry: str | RequirementsTable, reader: RequirementsReader, place: Location) -> None:
    """Take in one file of ``requirements``; its format is known by its name."""
    where = place.where("requirements")
    table = RequirementsTable(path=entry) if isinstance(entry, str) else entry
    selection = Selection(extras=texts(table.extras), groups=texts(table.groups), leave_out=texts(table.leave_out))
    path = place.folder / user_path(table.path)
    known = format_of(path)
    if known is None:
        place.problems.add(f"{table.path}: a TOML file of no format that is read here", where=where, hint=_FORMATS_HINT)
    elif known is requirements and selection == Selection():
        reader.read(path, where=where)
    else:
        reader.gathered.add(known.read(path, place.folder, place.problems, selection))


def _of_targets(
    files: Mapping[str, tuple[str, ...]], gathered: Gathered, place: Location
) -> dict[str, tuple[Requirement, ...]]:
    """Return the constraints that targets have for themselves; what else their files say holds for all."""
    targets = {}
    for name, listed in files.items():
        reader = RequirementsReader(place.folder, place.problems)
        for file in listed:
            reader.read(place.folder / user_path(file), constraints=True, where=place.where("[[target]] constraints"))
        gathered.add(reader.gathered)
        targets[name] = tuple(reader.gathered.constraints)
    return targets


def _wheelhouse(top: Document) -> Path:
    path = user_path(top.wheelhouse)
    if path.parts[:1] and path.parts[0].startswith("~"):
        top.place.wrong("wheelhouse", f"nobody here is called {path.parts[0]}", "write the whole path")
    return top.place.folder / path


def _binary(top: Document) -> tuple[set[str], set[str]]:
    only: set[str] = set()
    never: set[str] = set()
    for name in texts(top.only_binary):
        merge_names(only, never, name)
    for name in texts(top.no_binary):
        merge_names(never, only, name)
    return only, never


def _with_files(config: Config, gathered: Gathered, problems: Problems) -> Config:
    """Return the configuration with what requirements files said; the configuration's own word wins."""
    if gathered.require_hashes:
        _demand_hashes(gathered.requirements, problems)
    found = gathered.extra + ([gathered.index] if gathered.index else [])  # what was added on purpose comes first
    if gathered.no_index:
        found = [each for each in found if each.kind == "find-links"]
    taken = {index.name for index in config.indexes}
    found = [each for each in found if each.name not in taken]
    indexes = tuple(_trusted(each, gathered.trusted_hosts) for each in (*config.indexes, *found))
    return dataclasses.replace(
        config,
        requirements=tuple(gathered.requirements),
        locks=tuple(gathered.locks),
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
    for requirement in requirements:
        if not requirement.hashes:
            problems.add(
                f"{requirement.text or requirement.direct} has no hash, but --require-hashes was given",
                where=f"{requirement.origin}:{requirement.line}",
                hint="add --hash=sha256:…, or take --require-hashes out: the lock has hashes in any case",
            )


def bound_names(rules: Mapping[str, PackageRule]) -> dict[str, str]:
    """Return which project may come from which one index, by normalised name."""
    return {canonicalize_name(name): rule.index for name, rule in rules.items() if rule.index is not None}
