"""What Poetry says in its own words: its constraints, and ``[tool.poetry]``, read by poetry-core."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from wheelyard.config.inputs.selection import Selection
from wheelyard.config.inputs.toml_files import read_toml
from wheelyard.domain.errors import ConfigError

if TYPE_CHECKING:
    from poetry.core.packages.dependency import Dependency
    from poetry.core.packages.project_package import ProjectPackage  # here: takes long, and few have Poetry

Allows: TypeAlias = Callable[[str], bool]
_HINT = "see `poetry check`"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoetryDependency:
    """One dependency of a project of Poetry's."""

    name: str
    text: str
    """PEP 508."""
    extras: frozenset[str]
    marker: str | None
    """May ask for extras of the project: ``extra == "plots"``."""
    allows: Allows


def describes(pyproject: Mapping[str, object]) -> bool:
    """Whether a project says its dependencies in ``[tool.poetry]``."""
    table = _table(pyproject)
    return any(key in table for key in ("dependencies", "group", "dev-dependencies"))


def _table(pyproject: Mapping[str, object]) -> Mapping[str, Any]:
    tool = pyproject.get("tool")
    table = tool.get("poetry") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else {}


def groups(pyproject: Path) -> set[str]:
    """Return the names of a project's groups; none where it cannot be read."""
    try:
        return {str(name) for name in _project(pyproject, "").dependency_group_names(include_optional=True)} - {"main"}
    except ConfigError:
        return set()


def default_indexes(pyproject: Path) -> set[str]:
    """Return the URLs of the sources that a project takes whatever it names no source for from."""
    try:
        rows = _table(read_toml(pyproject, pyproject.name)).get("source", [])
    except ConfigError:
        return set()
    plain = [row for row in rows if isinstance(row, dict) and row.get("priority", "primary") in ("primary", "default")]
    return {str(row["url"]).rstrip("/") for row in plain if "url" in row}


def dependencies(pyproject: Path, name: str, selection: Selection) -> Iterator[PoetryDependency]:
    """Yield what a project of Poetry's depends on, with some of its extras and groups.

    :raises ConfigError: if the file is wrong, or has no such extra or group.
    """
    package = _project(pyproject, name)
    there = package.dependency_group_names(include_optional=True)
    selection.check(name, extras=package.extras, groups=set(there) - {"main"})
    wanted = selection.extra_names
    for require in package.requires:
        if not require.is_optional() or wanted.intersection(map(canonicalize_name, require.in_extras)):
            yield _dependency(require, name)
    for group in there:
        if canonicalize_name(group) in selection.group_names:
            for dependency in package.dependency_group(group).dependencies:
                yield _dependency(dependency, name)


def _project(pyproject: Path, name: str) -> ProjectPackage:
    from poetry.core.factory import Factory  # here: takes long, and few have Poetry

    read_toml(pyproject, name)
    try:
        return Factory().create_poetry(pyproject.parent).package
    except Exception as error:  # whatever it raises, it is about this file
        message = (str(error).strip() or type(error).__name__).replace("\n", "; ")
        raise ConfigError(f"poetry-core: {message}", where=name, hint=_HINT) from error


def _dependency(each: Dependency, where: str) -> PoetryDependency:
    from poetry.core.constraints.version import Version  # here: takes long, and few have Poetry

    try:
        text = each.to_pep_508(with_extras=False)
    except ValueError as error:
        raise ConfigError(str(error), where=f"{where}: {each.name}", hint=_HINT) from error
    return PoetryDependency(
        name=each.name,
        text=text,
        extras=frozenset(each.extras),
        marker=without_extra(str(each.marker)) if not each.marker.is_any() else None,
        allows=lambda version: each.constraint.allows(Version.parse(version)),
    )


def constraint(text: str, where: str) -> Allows:
    """Return what a constraint in Poetry's words allows: ``^1.2``, ``~1.2``, ``>=1,<2 || >3``.

    :raises ConfigError: if it is none.
    """
    from poetry.core.constraints.version import Version, parse_constraint  # here: takes long, and few have Poetry

    try:
        parsed = parse_constraint(text)
    except ValueError as error:
        raise ConfigError(f"no constraint of Poetry's: {text!r}", where=where, hint=_HINT) from error
    return lambda version: parsed.allows(Version.parse(version))


def specifier(text: str, where: str) -> str | None:
    """Return a constraint in Poetry's words as a specifier (PEP 440); None for any version, or several ranges.

    :raises ConfigError: if it is no constraint.
    """
    from poetry.core.constraints.version import parse_constraint  # here: takes long, and few have Poetry

    try:
        return str(SpecifierSet(str(parse_constraint(text)).replace("*", ""))) or None
    except InvalidSpecifier:
        return None
    except ValueError as error:
        raise ConfigError(f"no constraint of Poetry's: {text!r}", where=where, hint=_HINT) from error


def without_extra(marker: str) -> str | None:
    """Return a marker without what asks for extras: who walks a graph has seen to that."""
    from poetry.core.version.markers import parse_marker  # here: takes long, and few have Poetry

    try:
        reduced = parse_marker(marker).without_extras()
    except ValueError:
        return marker
    return None if reduced.is_any() else str(reduced)


def name_of(line: str) -> str:
    """Return the normalised name that a requirement in Poetry's words begins with: ``pysocks (>=1.5)``."""
    match = re.match(r"[A-Za-z0-9._-]+", line)
    return canonicalize_name(match[0]) if match else ""
