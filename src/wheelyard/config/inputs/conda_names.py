"""What conda's packages are called on the index, by conda-forge's published list, and a short one of our own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

from packaging.utils import canonicalize_name

_DATA = files("wheelyard.config.inputs")


def index_names(name: str) -> tuple[str, ...]:
    """Return the projects that have what a package of conda has, normalised; none: no list knows it."""
    return _published().get(name.lower(), ())


def is_other(name: str) -> bool:
    """Whether a package of conda's is known to be none of Python: a library, a compiler, a program."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _more()["others"])


@lru_cache(maxsize=1)
def _published() -> Mapping[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {name: (name,) for name in _more()["same"]}
    for line in (_DATA / "conda_names.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, *projects = line.split(" ")
            names[name] = tuple(projects) or (canonicalize_name(name),)
    return names


@lru_cache(maxsize=1)
def _more() -> Mapping[str, list[str]]:
    return tomllib.loads((_DATA / "conda_more.toml").read_text("utf-8"))
