"""``setup.cfg``: what a project of setuptools declares there; ``setup.py``: the project, built in the sandbox.

``setup.py`` is code, and is not run to be read: its folder is required like any other, so that its own backend tells
what it needs, in the sandbox, and its wheel is carried too.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.config.inputs.gathered import Gathered, gathered_from
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.config.inputs.toml_files import read_requirement
from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import Problems, read_text, shown

_BY_BUILDING = "name its setup.py instead, or its folder in a requirements file (./): the project itself is then built"


def matches(path: Path) -> bool:
    """Whether a file is in this format, by its name."""
    return path.name in ("setup.cfg", "setup.py")


def read(path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
    """Return what the project depends on; mistakes go to ``problems``."""
    return gathered_from(lambda gathered: _read(path, root, gathered, selection), problems)


def written(name: str) -> str:
    """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
    return f"{{ path = {name}, extras = [] }}"


def _read(path: Path, root: Path, gathered: Gathered, selection: Selection) -> None:
    name = shown(path, root)
    if path.name == "setup.py":
        selection.check(name, extras=selection.extras, groups=())  # which extras there are, the backend tells
        asked = f"[{','.join(selection.extras)}]" if selection.extras else ""
        gathered.requirements.append(read_requirement(f"./{asked}", path, root, name))
        return
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text(path, name), name)
    except configparser.Error as error:
        message = str(error).replace("\n", " ")
        raise ConfigError(f"not understood: {message}", where=name, hint="correct it") from error
    extras = dict(parser["options.extras_require"]) if parser.has_section("options.extras_require") else {}
    selection.check(name, extras=extras, groups=())
    if not parser.has_option("options", "install_requires") and not extras:
        raise ConfigError("no install_requires in [options]", where=name, hint=_BY_BUILDING)
    rows = [("[options] install_requires", parser.get("options", "install_requires", fallback=""))]
    rows += [
        (f"[options.extras_require] {extra}", text)
        for extra, text in extras.items()
        if canonicalize_name(extra) in selection.extra_names
    ]
    for section, text in rows:
        where = f"{name}: {section}"
        gathered.requirements += [read_requirement(line, path, root, where) for line in _lines(text, where)]


def _lines(text: str, where: str) -> Iterator[str]:
    """Yield the requirements of a list in setuptools' words: one a line, comments aside.

    :raises ConfigError: if it is in another file, which setuptools would read.
    """
    if text.strip().startswith(("file:", "attr:")):
        raise ConfigError(f"is elsewhere: {text.strip()}", where=where, hint="name that file in requirements")
    for line in text.splitlines():
        if (line := line.partition(" #")[0].strip()) and not line.startswith("#"):
            yield line
