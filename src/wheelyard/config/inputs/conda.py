"""``environment.yml`` of conda: its ``pip:`` section; what conda itself would install is listed, not guessed."""

from __future__ import annotations

import re
from pathlib import Path

from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.requirements import RequirementsReader
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import Problems, read_text, shown

_NAME = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9._-]+)")
_OF_THE_HOST = ("python", "pip", "setuptools", "wheel")
"""What every target brings by itself, or is told by its table."""


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.suffix in (".yml", ".yaml")


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the ``pip:`` section asks for; mistakes, and packages of conda's, go to ``problems``."""
    name = shown(path, root)
    reader = RequirementsReader(root, problems)
    try:
        selection.check(name, extras=(), groups=())
        conda, lines = _sections(path, name)
    except ConfigError as error:
        problems.found.append(error)
        return Gathered()
    for number, line in lines:
        reader.line(line, number, path)
    if conda:
        problems.add(
            f"conda has its own names for these, and nothing here says what the index calls them: {', '.join(conda)}",
            where=f"{name}: dependencies",
            hint="write what of it is Python by its name on the index into the pip: section, or a requirements file",
        )
    return reader.gathered


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return name


def _sections(path: Path, name: str) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the names of conda's packages, save Python itself, and the lines of ``pip:`` with their numbers.

    :raises ConfigError: if it is no such file.
    """
    import yaml  # here: few configurations have YAML

    try:
        top = yaml.compose(read_text(path, name), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = str(error).replace("\n", "; ")
        raise ConfigError(f"not valid YAML: {message}", where=name, hint="correct it") from error
    rows = _value(top, "dependencies")
    if not isinstance(rows, yaml.SequenceNode):
        raise ConfigError("no list of dependencies", where=name, hint="an environment of conda has one: dependencies:")
    conda: list[str] = []
    lines: list[tuple[int, str]] = []
    for row in rows.value:
        if isinstance(row, yaml.MappingNode):
            listed = _value(row, "pip")
            if not isinstance(listed, yaml.SequenceNode) or not all(
                isinstance(each, yaml.ScalarNode) for each in listed.value
            ):
                where = f"{name}:{row.start_mark.line + 1}"
                raise ConfigError("expected a list of requirements", where=where, hint="write: - pip: [flask]")
            lines += [(each.start_mark.line + 1, str(each.value)) for each in listed.value]
        elif isinstance(row, yaml.ScalarNode) and (match := _NAME.match(str(row.value))):
            conda += [match[1]] if match[1].lower() not in _OF_THE_HOST else []
        else:
            raise ConfigError("no package", where=f"{name}:{row.start_mark.line + 1}", hint="write: - numpy")
    return conda, lines


def _value(node: object, key: str) -> object:
    """Return the node behind a key of a mapping; None where there is none."""
    import yaml  # here: few configurations have YAML

    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if getattr(name, "value", None) == key), None)
