"""``NAME.eb`` of EasyBuild: the Python packages of an easyconfig. It is Python's syntax, and read without being run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.other_packages import OtherPackages
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_requirement
from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import Problems, read_text, shown

_OF_PYTHON = ("PythonBundle", "PythonPackage")
_HINT = "write names and versions as they are, in place of what computes them; or list them in a requirements file"


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.suffix == ".eb"


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return the versions that a module installs; mistakes, and modules that it needs, go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection, problems), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return name


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection, problems: Problems) -> None:
    name = shown(path, root)
    said = _assigned(path, name)
    easyblock = said.get("easyblock")
    if easyblock not in _OF_PYTHON and said.get("exts_defaultclass") != "PythonPackage":
        raise ConfigError(
            f"installs no packages of Python: easyblock is {easyblock}",
            where=name,
            hint=f"{' and '.join(_OF_PYTHON)} do; list what of it is Python in a requirements file",
        )
    packages = OtherPackages(name, selection)
    entries = [(said.get("name"), said.get("version"))] if easyblock == "PythonPackage" else []
    for entry in _listed(said.get("exts_list"), f"{name}: exts_list"):
        if not isinstance(entry, tuple) or len(entry) < 2:
            raise ConfigError(f"no name with its version: {entry}", where=f"{name}: exts_list", hint=_HINT)
        entries.append(entry[:2])
    for project, version in entries:
        if not isinstance(project, str) or not isinstance(version, str):
            raise ConfigError(f"no name with its version: {project}", where=f"{name}: exts_list", hint=_HINT)
        if not packages.passed_over(project):
            gathered.requirements.append(read_requirement(f"{project}=={version}", path, root, f"{name}: {project}"))
    for entry in _listed(said.get("dependencies"), f"{name}: dependencies"):
        module = str(entry[0]) if isinstance(entry, tuple) and entry else str(entry)
        if not packages.passed_over(module):
            packages.unknown.append(module)
    packages.tell(problems, where=f"{name}: dependencies", manager="EasyBuild")


def _listed(said: object, where: str) -> Iterable[object]:
    if said is None:
        return ()
    if not isinstance(said, list | tuple):
        raise ConfigError("expected a list", where=where, hint=_HINT)
    return said


def _assigned(path: Path, name: str) -> dict[str, object]:
    """Return what a file assigns to names, as far as it is written out.

    :raises ConfigError: if it is no Python, or a name that counts is computed.
    """
    try:
        tree = ast.parse(read_text(path, name))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"not understood: {error}", where=name, hint="correct it") from error
    said: dict[str, object] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        key = statement.targets[0].id
        try:
            said[key] = _literal(statement.value, said)
        except (ValueError, TypeError, RecursionError) as error:
            if key in ("name", "version", "easyblock", "exts_list", "dependencies"):
                where = f"{name}:{statement.lineno}: {key}"
                raise ConfigError(f"is computed: {error}", where=where, hint=_HINT) from error
    return said


def _literal(node: ast.expr, said: Mapping[str, object]) -> object:
    """Return a value that is written out, with names that were assigned before it; templates are put in.

    :raises ValueError: naming what is not written out.
    """
    match node:
        case ast.List(elts=parts):
            return [_literal(part, said) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(_literal(part, said) for part in parts)
        case ast.Dict():
            return {}  # options of an extension: sources, checksums, patches
        case ast.Name(id=name) if name in said:
            return said[name]
        case ast.Name(id=name) if name.isupper():
            return name  # a constant of EasyBuild: SYSTEM, SOURCE_TAR_GZ
        case ast.Constant(value=str() as text):
            for key in ("name", "version"):
                text = text.replace(f"%({key})s", str(said.get(key, f"%({key})s")))
            return text
        case ast.Constant(value=value):
            return value
    raise ValueError(ast.unparse(node))
