"""Making ``install.py`` and ``import.py``: one file each out of the modules of ``wheelyard.host``.

The modules are joined in the order in which they need one another. Imports of the standard library are gathered at the
top, imports among the modules fall away, so a name may be defined only once in all of them. The result is the same
bytes every time, and is plain readable Python for whoever has to approve it.
"""

from __future__ import annotations

import ast
import functools
from importlib import resources
from pathlib import Path

from wheelyard import __version__
from wheelyard.bundle import manifest as manifests
from wheelyard.io import files

_HOST = "wheelyard.host"
# Python looks for modules beside the program first: whoever may write there could replace the standard library's.
_ALONE = """
import sys  # built in: nothing can stand in for it

if __name__ == "__main__" and not sys.flags.isolated and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # the folder of this program

"""

# An older Python shows the first line that it cannot read: this one.
_NEEDS = """NEEDS: str = "{name} needs Python 3.6 or newer: start it with another, such as python3"
"""


def _source(module: str) -> str:
    return resources.files(_HOST).joinpath(f"{module}.py").read_text(encoding="utf-8")


def _order(module: str, done: list[str]) -> list[str]:
    """Return the modules that one needs, itself last."""
    for node in ast.parse(_source(module)).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(_HOST + "."):
            needed = node.module.removeprefix(_HOST + ".")
            if needed not in done:
                _order(needed, done)
    if module not in done:
        done.append(module)
    return done


def _defined(body: list[ast.stmt]) -> list[str]:
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return names


@functools.cache
def single_file(module: str, *, docstring: bool = True) -> str:
    """Return one Python file that holds a module of ``wheelyard.host`` and all that it imports from there.

    :raises ValueError: if two modules define the same name, or import under another name.
    """
    imports: set[str] = set()
    parts: list[str] = []
    taken: dict[str, str] = {}
    for name in _order(module, []):
        source = _source(name)
        lines = source.splitlines(keepends=True)
        body = ast.parse(source).body
        for defined in set(_defined(body)):
            if taken.setdefault(defined, name) != name:
                raise ValueError(f"{defined} is defined in {taken[defined]} and in {name}")
        dropped: set[int] = set()
        for index, node in enumerate(body):
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            is_docstring = index == 0 and isinstance(node, ast.Expr)
            if is_import and not ast.unparse(node).startswith(f"from {_HOST}."):
                imports |= {ast.unparse(node)}
            elif is_import and any(alias.asname for alias in getattr(node, "names", [])):
                raise ValueError(f"{name}: imports under another name")
            if is_import or is_docstring:
                dropped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        kept = "".join(line for number, line in enumerate(lines, 1) if number not in dropped).strip("\n")
        parts.append(f"# {'-' * 20} {name}\n\n{kept}\n")
    document = ast.get_docstring(ast.parse(_source(module)), clean=False) if docstring else None
    head = f'"""{document}"""\n\n' if document else ""
    note = _NEEDS.format(name="import.py" if module == "import_" else f"{module}.py")
    note += f"# Made by Wheelyard {__version__} from wheelyard/host/*.py: change it there, not here.\n"
    return f"#!/usr/bin/env python3\n{head}{note}{_ALONE}" + "\n".join(sorted(imports)) + "\n\n\n" + "\n\n".join(parts)


def install_py() -> str:
    """Return the text of ``install.py``, which lies in every wheelhouse."""
    return single_file("install")


def import_py() -> str:
    """Return the text of ``import.py``, for an intranet side without Wheelyard."""
    return single_file("import_")


def put(root: Path) -> bool:
    """Put ``install.py`` and ``import.py`` into a wheelhouse, and into its manifest; return whether anything changed.

    :raises VerificationError: if there is no manifest.
    """
    found, _ = manifests.read(root)
    changed = [files.write(root / "install.py", install_py()), files.write(root / "import.py", import_py())]
    if not any(changed):
        return False
    known = {entry.path: entry.sha256 for entry in found.files if entry.path not in ("install.py", "import.py")}
    manifests.update(
        root,
        targets=found.targets,
        channel=found.channel,
        expires=found.expires,
        known=known,
        chosen={*(entry.path for entry in found.files), "install.py", "import.py"}.__contains__,
    )
    return True
