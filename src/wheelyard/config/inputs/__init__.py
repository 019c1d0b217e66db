"""Requirements as people write them, one file a format.

A format is a module with the three functions of ``InputFormat``, and its place in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from wheelyard.config.inputs import (
    conda,
    easybuild,
    pdm_lock,
    pipfile,
    poetry_lock,
    pylock,
    pyproject,
    requirements,
    setuptools_project,
    spack,
    uv_lock,
    wheelhouse,
)
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.config.inputs.selection import ALL_DEFAULT, Selection
from wheelyard.schema.problems import Problems


class InputFormat(Protocol):
    """One way to list requirements in a file."""

    def matches(self, path: Path) -> bool:
        """Whether a file is in this format; its name decides."""
        ...

    def read(self, path: Path, root: Path, problems: Problems, selection: Selection = ALL_DEFAULT) -> Gathered:
        """Return what a file says.

        :param root: shown paths are relative to this.
        :param problems: mistakes go here.
        :param selection: the extras and groups that are wanted.
        """
        ...

    def written(self, name: str) -> str:
        """Return the entry of ``requirements`` that takes a file in this format; ``name`` is a TOML string."""
        ...


FORMATS: Sequence[InputFormat] = (
    wheelhouse,
    spack,
    easybuild,
    uv_lock,
    poetry_lock,
    pdm_lock,
    pipfile,
    pylock,
    pyproject,
    conda,
    setuptools_project,
    requirements,
)
"""The first that matches reads a file."""


def format_of(path: Path) -> InputFormat | None:
    """Return the format of a file; None for a TOML file that none of them knows, as ``wheelyard.toml``."""
    return next((form for form in FORMATS if form.matches(path)), None)
