"""``spack.yaml``: the packages of Python (``py-…``) among the specs of an environment, as versions."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import Version

from wheelyard.config.inputs import yaml_files
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.other_packages import OtherPackages, is_version
from wheelyard.config.inputs.requirements import RequirementsReader
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import Problems, shown

_SPEC = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?P<version>@[^\s+~^%]+)?(?P<rest>.*)", re.DOTALL)
_COMPILING = re.compile(r"\s*(%[^\s+~^]+|(target|arch|platform|os)=\S+)")
"""Which compiler, and for which machine: that is the target's word here."""
_PREFIX = "py-"
_EXPORT = 'what is installed tells its versions: spack -e . find --no-groups --format "{name}@={version}"'


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name in ("spack.yaml", "spack.lock")


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what of the specs is Python; mistakes, and what it has not, go to ``problems``."""
    name = shown(path, root)
    reader = RequirementsReader(root, problems)
    packages = OtherPackages(name, selection)
    try:
        if path.suffix == ".lock":
            raise ConfigError("is a graph of Spack's builds, no list", where=name, hint="name its spack.yaml")
        for line, spec in _specs(path, name):
            try:
                if requirement := _requirement(spec, packages):
                    reader.line(requirement, line, path)
            except ValueError as error:
                raise ConfigError(str(error), where=f"{name}:{line}", hint=_EXPORT) from error
        packages.tell(problems, where=f"{name}: specs", manager="Spack")
    except ConfigError as error:
        problems.found.append(error)
        return Gathered()
    return reader.gathered


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return name


def _specs(path: Path, name: str) -> list[tuple[int, str]]:
    """Return the specs of an environment with their lines.

    :raises ConfigError: if it has none, or one that Spack itself has to put together.
    """
    environment = yaml_files.value(yaml_files.read_yaml(path, name), "spack")
    listed = yaml_files.rows(yaml_files.value(environment, "specs"))
    if listed is None:
        raise ConfigError("no list of specs", where=name, hint="an environment of Spack has one: spack: specs: [...]")
    specs = []
    for row in listed:
        spec, line = yaml_files.text(row), yaml_files.line(row)
        if spec is None or spec.startswith("$"):
            raise ConfigError(
                "a matrix or a named list, which Spack puts together", where=f"{name}:{line}", hint=_EXPORT
            )
        specs.append((line, spec))
    return specs


def _requirement(spec: str, packages: OtherPackages) -> str | None:
    """Return the requirement that a spec is; None for one that is noted instead.

    :raises ValueError: if it asks for what no requirement can say.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise ValueError(f"no spec of Spack's: {spec}")
    if packages.passed_over(match["name"]):
        return None
    if not match["name"].startswith(_PREFIX):
        packages.others.append(match["name"])
        return None
    if asked := _COMPILING.sub("", match["rest"]).strip():
        raise ValueError(f"{match['name']} is to be built in another way, which no wheel of an index is: {asked}")
    return match["name"].removeprefix(_PREFIX) + _specifier((match["version"] or "@:").removeprefix("@"))


def _specifier(text: str) -> str:
    """Return a version, or a range of them, as PEP 440 has it: both ends of ``1.2:1.4`` are in it, with all 1.4.

    :raises ValueError: if there is no such.
    """
    low, colon, high = text.partition(":")
    for bound in (low.removeprefix("="), high):
        if bound and not is_version(bound):
            raise ValueError(f"no version of PEP 440: {text}")
    if not colon:
        return f"=={low.removeprefix('=')}" if low.startswith("=") else f"=={low}.*"
    clauses = [f">={low}"] if low else []
    if high:
        *front, last = Version(high).release
        clauses.append("<" + ".".join(map(str, [*front, last + 1])))
    return ",".join(clauses)
