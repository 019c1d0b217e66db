"""Imports stand at the top; one inside a function says what it spares."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import wheelyard

ROOT = Path(wheelyard.__file__).parent
FREE = ("cli/", "host/", "__init__.py")
"""A command imports its work when it is called, so that --help is quick; ``host/`` looks for what a system may lack."""
FUNCTION, LATE = (ast.FunctionDef, ast.AsyncFunctionDef), (ast.Import, ast.ImportFrom)


def late_imports(path: Path) -> Iterator[int]:
    """Yield the lines of imports inside functions; of several in a row, the first."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTION)]
    for block in (node for function in functions for node in ast.walk(function)):
        body = getattr(block, "body", None)
        for before, statement in itertools.pairwise([None, *body] if isinstance(body, list) else []):
            if isinstance(statement, LATE) and not isinstance(before, LATE):
                yield statement.lineno


def test_an_import_inside_a_function_says_what_it_spares() -> None:
    silent = []
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(FREE):
            continue
        lines = path.read_text().splitlines()
        silent += [
            f"{name}:{number}"
            for number in late_imports(path)
            if not lines[number - 2].lstrip().startswith("#") and "  # " not in lines[number - 1]
        ]
    assert silent == [], "say why it is not at the top, or put it there"
