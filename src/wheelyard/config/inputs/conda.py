"""``environment.yml`` of conda: its ``pip:`` section, and its own packages by what the index calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheelyard.config.inputs import yaml_files
from wheelyard.config.inputs.conda_names import index_names, is_other
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.other_packages import OtherPackages, is_version
from wheelyard.config.inputs.requirements import RequirementsReader
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import Problems, shown

_SPEC = re.compile(r"(?:[^\s:]+::)?(?P<name>[A-Za-z0-9._-]+)(?P<rest>[^A-Za-z0-9._-].*)?")
_CLAUSE = re.compile(r"(?P<sign>[<>]=?|[!=]=|~=)\s*(?P<version>[^\s,<>=!~]+)")
_EXPORT = {
    "conda-lock.yml": "conda-lock render --kind env writes a conda environment: name that",
    "pixi.lock": "pixi workspace export conda-environment environment.yml writes one: name that",
}
"""Files of conda's kin that are not read, and what to name in their place."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One entry below ``dependencies``."""

    text: str
    line: int
    pip: bool
    """Whether it is in the ``pip:`` section."""


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.suffix in (".yml", ".yaml") or path.name in _EXPORT


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what is asked for, by the index's names; mistakes, and what it has not, go to ``problems``."""
    name = shown(path, root)
    reader = RequirementsReader(root, problems)
    packages = OtherPackages(name, selection)
    try:
        for row in _rows(path, name):
            if row.pip:
                reader.line(row.text, row.line, path)
            elif line := _requirement(row, name, packages):
                reader.line(line, row.line, path)
        packages.tell(problems, where=f"{name}: dependencies", manager="conda")
    except ConfigError as error:
        problems.found.append(error)
        return Gathered()
    return reader.gathered


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return name


def _rows(path: Path, name: str) -> Iterator[_Row]:
    """Yield the entries of a file.

    :raises ConfigError: if it is no such file.
    """
    if path.name in _EXPORT:
        raise ConfigError("is a lock of conda's, of which nothing is read", where=name, hint=_EXPORT[path.name])
    listed = yaml_files.rows(yaml_files.value(yaml_files.read_yaml(path, name), "dependencies"))
    if listed is None:
        raise ConfigError("no list of dependencies", where=name, hint="an environment of conda has one: dependencies:")
    for row in listed:
        where = f"{name}:{yaml_files.line(row)}"
        if (said := yaml_files.text(row)) is not None:
            yield _Row(said, yaml_files.line(row), pip=False)
            continue
        below = yaml_files.rows(yaml_files.value(row, "pip"))
        for each in below or ():
            if (said := yaml_files.text(each)) is None:
                below = None
                break
            yield _Row(said, yaml_files.line(each), pip=True)
        if below is None:
            raise ConfigError("expected a list of requirements", where=where, hint="write: - pip: [flask]")


def _requirement(row: _Row, name: str, packages: OtherPackages) -> str | None:
    """Return the requirement that an entry of conda's is; None for one that is noted instead.

    :raises ConfigError: if the entry is not understood.
    """
    where = f"{name}:{row.line}"
    match = _SPEC.fullmatch(row.text.strip())
    if match is None:
        raise ConfigError(f"no package: {row.text}", where=where, hint="write: - numpy>=2")
    entry = match["name"]
    if packages.passed_over(entry):
        return None
    projects = index_names(entry)
    if len(projects) == 1:
        return projects[0] + _specifier((match["rest"] or "").strip(), where)
    if projects:
        raise ConfigError(
            f"conda's {entry} is one of several on the index: {', '.join(projects)}",
            where=where,
            hint="write the one that is meant into the pip: section in its place",
        )
    (packages.others if is_other(entry) else packages.unknown).append(entry)
    return None


def _specifier(text: str, where: str) -> str:
    """Return a version of conda's as PEP 440 has it: ``=1.2`` is any 1.2, ``=1.2=py311_0`` a build of 1.2.

    :raises ConfigError: if there is no such: ``|`` is no operator of PEP 440.
    """
    clauses = [clause.strip() for clause in text.split(",")]
    said = []
    for clause in clauses if text else ():
        if match := _CLAUSE.fullmatch(clause):
            said.append(_clause(match["sign"], match["version"]))
        else:
            version, _, build = clause.removeprefix("=").strip().replace(" ", "=", 1).partition("=")
            exact = build not in ("", "*")
            said.append(_clause("==", version if exact or version == "*" else version.rstrip("*").rstrip(".") + ".*"))
    if None in said:
        raise ConfigError(f"no version of PEP 440: {text}", where=where, hint="write: - numpy>=1.26,<3")
    return ",".join(clause for clause in said if clause)


def _clause(sign: str, version: str) -> str | None:
    """Return one comparison; empty for any version; None for no version."""
    if version == "*":
        return "" if sign == "==" else None
    bare = version.removesuffix(".*")
    if not is_version(bare):
        return None
    return f"{sign}{version if sign in ('==', '!=') else bare}"
