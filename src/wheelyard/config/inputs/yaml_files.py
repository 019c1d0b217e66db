"""What formats in YAML share: reading the file to nodes, which know their lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import read_text

if TYPE_CHECKING:
    from yaml import Node


def read_yaml(path: Path, name: str) -> Node | None:
    """Read a YAML file; None for an empty one.

    :raises ConfigError: if it is not there, or is no YAML: with its line.
    """
    import yaml  # here: few configurations have YAML

    try:
        return yaml.compose(read_text(path, name), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = str(error).replace("\n", "; ")
        raise ConfigError(f"not valid YAML: {message}", where=name, hint="correct it") from error


def value(node: object, key: str) -> Node | None:
    """Return the node behind a key of a mapping; None where there is none."""
    import yaml  # here: few configurations have YAML

    if not isinstance(node, yaml.MappingNode):
        return None
    return next((below for name, below in node.value if getattr(name, "value", None) == key), None)


def rows(node: Node | None) -> list[Node] | None:
    """Return the nodes of a list; None for what is no list."""
    import yaml  # here: few configurations have YAML

    return node.value if isinstance(node, yaml.SequenceNode) else None


def text(node: Node | None) -> str | None:
    """Return the text of a scalar; None for what is none."""
    import yaml  # here: few configurations have YAML

    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def line(node: Node) -> int:
    """Return the line that a node begins at, from 1."""
    return int(node.start_mark.line) + 1
