"""What an environment has installed, as a requirements file: read from its ``*.dist-info``; nothing of it is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelyard.config.urls import is_url, without_credentials
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.redact import hide
from wheelyard.schema.problems import Problems

_OF_THE_ENVIRONMENT = ("pip", "setuptools", "wheel", "distribute")
"""What every environment brings; ``pip freeze`` leaves it out too."""
_FOLDERS = (
    "lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages",
    "lib/python3/dist-packages", "Lib/site-packages",
)  # fmt: skip


def requirements_of(prefix: Path) -> str:
    """Return what is installed below a prefix (``/opt/venv``, ``/usr/local``), one version a line.

    :raises ConfigError: if no Python has packages there, or one of them cannot be had again: a folder, a repository.
    :raises Failures: for several.
    """
    folders = sorted({folder.resolve() for pattern in _FOLDERS for folder in prefix.glob(pattern) if folder.is_dir()})
    lines: dict[str, str] = {}
    problems = Problems()
    for dist in distributions(path=[str(folder) for folder in folders]):
        name = dist.metadata["Name"]
        if name and canonicalize_name(name) not in (*_OF_THE_ENVIRONMENT, *lines):
            lines[canonicalize_name(name)] = _line(dist, canonicalize_name(name), prefix, problems)
    problems.check()
    if not lines:
        raise ConfigError(
            "no Python has packages there",
            where=str(prefix),
            hint="name the folder that holds lib/python3.X: of a virtual environment, or /usr/local",
        )
    return "".join(f"{line}\n" for line in _heading(prefix, lines))


def _heading(prefix: Path, lines: dict[str, str]) -> Iterator[str]:
    yield f"# What {prefix.name} had installed, save {', '.join(_OF_THE_ENVIRONMENT[:-1])}."
    yield from (lines[name] for name in sorted(lines))


def _line(dist: Distribution, name: str, prefix: Path, problems: Problems) -> str:
    """Return one requirement; where it came from by a URL, that of the file (PEP 610)."""
    where = f"{prefix.name}: {name} {dist.version}"
    try:
        origin = json.loads(dist.read_text("direct_url.json") or "null")
        url = origin["url"] if origin else ""
        if not origin:
            return f"{name}=={dist.version}"
        if is_url(url) and "archive_info" in origin:
            return f"{name} @ {without_credentials(url)[0]}"
        what = "version control" if "vcs_info" in origin else "a file or folder of that machine"
        problems.add(
            f"was installed from {what}: {hide(str(url))}",
            where=where,
            hint="require an sdist or wheel of it; write the list by hand: pip freeze",
        )
    except (ValueError, TypeError, KeyError) as error:
        problems.add(f"direct_url.json is not understood: {error}", where=where, hint="install it again")
    return ""
