"""``pyproject.toml``: the dependencies of a project (PEP 621), its groups (PEP 735), and Poetry's ``[tool.poetry]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging import errors as packaging_errors
from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from wheelyard.config.inputs import poetry
from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.single import advice
from wheelyard.config.inputs.toml_files import read_requirement, read_toml
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import Problems, nearest, shown


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name == "pyproject.toml"


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what a project depends on; mistakes go to ``problems``."""

    def fill(gathered: Gathered) -> None:
        gathered.requirements += from_pyproject(path, root, selection)

    return gathered_from(fill, problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [], groups = [] }}"


def from_pyproject(path: Path, root: Path, selection: Selection = ALL_DEFAULT) -> tuple[Requirement, ...]:
    """Return what a project depends on, with some of its extras and dependency groups.

    :raises ConfigError: if the file is wrong, or has no such extra or group.
    """
    name = shown(path, root)
    data = read_toml(path, name)
    lines: list[tuple[str, str]] = []
    project = data.get("project", {})
    if not isinstance(project, dict):
        raise ConfigError("expected a table", where=f"{name}: [project]", hint="see PEP 621")
    if poetry.describes(data):
        return tuple(
            read_requirement(dependency.text, path, root, f"{name}: [tool.poetry] {dependency.name}")
            for dependency in poetry.dependencies(path, name, selection)
        )
    if not project and not selection.groups:
        raise ConfigError("no [project] table", where=name, hint="name requirements files, or dependency groups")
    lines += [(line, "[project] dependencies") for line in _listed(project, "dependencies", name)]
    lines += _extras_of(project, selection.extras, name)
    lines += _groups_of(data.get("dependency-groups", {}), selection.groups, name)
    return tuple(read_requirement(text, path, root, f"{name}: {place}") for text, place in dict.fromkeys(lines))


def _listed(project: Mapping[str, object], key: str, name: str) -> list[str]:
    dynamic = project.get("dynamic", [])
    if isinstance(dynamic, list) and key in dynamic:
        raise ConfigError(
            f"{key} are dynamic: only a build of the project tells them",
            where=f"{name}: [project] dynamic",
            hint="require the project's folder in a requirements file instead: ./",
        )
    value = project.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError("expected a list of texts", where=f"{name}: [project] {key}", hint="see PEP 621")
    return value


def _extras_of(project: Mapping[str, object], wanted: Sequence[str], name: str) -> list[tuple[str, str]]:
    """Return the lines of some extras, where one may ask for others of the same project: ``all = ["me[a,b]"]``."""
    table = project.get("optional-dependencies", {})
    if wanted and not isinstance(table, dict):
        raise ConfigError("expected a table", where=f"{name}: [project.optional-dependencies]", hint="see PEP 621")
    known: dict[str, object] = {}
    if isinstance(table, dict):
        known = {canonicalize_name(key): value for key, value in table.items()}
    own = canonicalize_name(str(project.get("name", "")))
    lines: list[tuple[str, str]] = []
    waiting = [canonicalize_name(each) for each in wanted]
    seen: set[str] = set()
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        if extra not in known:
            raise ConfigError(
                f"no extra {extra!r}", where=f"{name}: [project.optional-dependencies]", hint=nearest(extra, known)
            )
        place = f"[project.optional-dependencies] {extra}"
        for text in _listed(known, extra, name):
            try:
                parsed = Parsed(text)
            except InvalidRequirement as error:
                raise ConfigError(f"{text!r} is no requirement", where=f"{name}: {place}", hint=advice(text)) from error
            if own and canonicalize_name(parsed.name) == own:
                waiting += [canonicalize_name(each) for each in sorted(parsed.extras)]
            else:
                lines.append((text, place))
    return lines


def _groups_of(table: object, wanted: Sequence[str], name: str) -> list[tuple[str, str]]:
    if not wanted:
        return []
    where = f"{name}: [dependency-groups]"
    if not isinstance(table, dict):
        raise ConfigError("expected a table", where=where, hint="see PEP 735")
    known = {canonicalize_name(str(key)) for key in table}
    for group in wanted:
        if canonicalize_name(group) not in known:
            raise ConfigError(f"no dependency group {group!r}", where=where, hint=nearest(group, map(str, table)))
    lines: list[tuple[str, str]] = []
    for group in wanted:
        try:
            lines += [(text, f"[dependency-groups] {group}") for text in resolve_dependency_groups(table, group)]
        except (ValueError, LookupError, TypeError, AttributeError, packaging_errors.ExceptionGroup) as error:
            raise ConfigError(f"{group}: {_flat(error)}", where=where, hint="see PEP 735") from error
    return lines


def _flat(error: BaseException) -> str:
    """Return the messages of an error, or of all that a group holds."""
    inner = getattr(error, "exceptions", None)
    if isinstance(inner, Iterable):
        return "; ".join(_flat(member) for member in inner)
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
