"""Requirements as people write them, one file a format.

A format is a module with the three functions of ``InputFormat``, and its place in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from wheelyard.config.inputs import foreign, pylock, pyproject, requirements
from wheelyard.config.inputs.gathered import Gathered
from wheelyard.schema.problems import Problems


class InputFormat(Protocol):
    """One way to list requirements in a file."""

    def matches(self, path: Path) -> bool:
        """Whether a file is in this format; its name decides."""
        ...

    def read(self, path: Path, root: Path, problems: Problems) -> Gathered:
        """Return what a file says.

        :param root: shown paths are relative to this.
        :param problems: mistakes go here.
        """
        ...

    def written(self, name: str) -> str:
        """Return the line of ``wheelyard.toml`` that takes a file in this format; ``name`` is a TOML string."""
        ...


FORMATS: Sequence[InputFormat] = (pyproject, pylock, foreign, requirements)
"""The first that matches reads a file."""


def format_of(path: Path) -> InputFormat | None:
    """Return the format of a file; None for a TOML file that none of them knows, as ``wheelyard.toml``."""
    return next((each for each in FORMATS if each.matches(path)), None)
