"""What formats in TOML share: reading the file, and reading one requirement in it."""

from __future__ import annotations

from pathlib import Path

from wheelyard.config.inputs.single import parse_requirement
from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.requirement import Requirement
from wheelyard.schema.problems import shown
from wheelyard.schema.toml_file import read_toml

__all__ = ["read_requirement", "read_toml"]


def read_requirement(text: str, path: Path, root: Path, where: str) -> Requirement:
    """Return one requirement (PEP 508) that a TOML file has.

    :raises ConfigError: if it is none, naming ``where`` it is written.
    """
    try:
        requirement = parse_requirement(text, path.parent, root, origin=shown(path, root), line=0)
    except SyntaxProblem as error:
        raise ConfigError(error.message, where=where, hint=error.hint) from error
    return requirement.value
