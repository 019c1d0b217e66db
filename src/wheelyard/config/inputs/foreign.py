"""Files of other tools that we do not read: each is told how it is exported to one that we do."""

from __future__ import annotations

from pathlib import Path

from wheelyard.config.inputs.gathered import Gathered
from wheelyard.schema.problems import Problems, shown

_TXT = "requirements.txt"
_EXPORTS = {
    "uv.lock": "export it and name that: uv export --format pylock.toml --output-file pylock.toml",
    "poetry.lock": f"export it and name that: poetry export --format {_TXT} --output {_TXT} (poetry-plugin-export)",
    "pdm.lock": "export it and name that: pdm export --format pylock --output pylock.toml",
    "Pipfile": f"export it and name that: pipenv requirements > {_TXT}",
    "Pipfile.lock": f"export it and name that: pipenv requirements > {_TXT}",
    "environment.yml": f"write its pip: section, and the Python names of its conda packages, into a {_TXT}",
    "environment.yaml": f"write its pip: section, and the Python names of its conda packages, into a {_TXT}",
    "setup.cfg": f"lock it and name that: pip-compile setup.cfg --output-file {_TXT}",
    "setup.py": f"lock it and name that: pip-compile setup.py --output-file {_TXT}",
}


def matches(path: Path) -> bool:
    """Whether a file is another tool's, by its name."""
    return path.name in _EXPORTS


def read(path: Path, root: Path, problems: Problems) -> Gathered:
    """Report how the file is exported."""
    problems.add("this format is not read here", where=shown(path, root), hint=_EXPORTS[path.name])
    return Gathered()


def written(name: str) -> str:
    """Return a comment: no line of ``wheelyard.toml`` takes such a file."""
    return f"# {name} is not read here\n"
