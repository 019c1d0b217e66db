"""What lists of other package managers have beside Python's packages: told together, with how to leave it out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from wheelyard.config.inputs.selection import Selection
from wheelyard.schema.problems import Problems

OF_THE_HOST = ("python", "pip", "setuptools", "wheel", "py-pip", "py-setuptools", "py-wheel")
"""What every target brings by itself, or is told by its table."""


@dataclass(slots=True)
class OtherPackages:
    """The entries of one file that are no projects of the index. Mutable: it grows while the file is read."""

    name: str
    """Of the file, as it is shown."""
    selection: Selection
    entries: list[str] = field(default_factory=list)
    """Every name in the file, whatever it is."""
    others: list[str] = field(default_factory=list)
    """No packages of Python."""
    unknown: list[str] = field(default_factory=list)
    """That nobody knows the name of on the index."""

    def passed_over(self, entry: str) -> bool:
        """Whether an entry is left out, or is what every target brings; it is noted as one of the file's."""
        self.entries.append(entry)
        return entry in self.selection.leave_out or entry.lower() in OF_THE_HOST

    def tell(self, problems: Problems, *, where: str, manager: str) -> None:
        """Put what is there into ``problems``.

        :raises ConfigError: for a name to leave out that the file does not have.
        """
        self.selection.check(self.name, extras=(), groups=(), entries=self.entries)
        if self.others:
            problems.add(
                f"no packages of Python: {', '.join(self.others)}",
                where=where,
                hint="wheels carry the libraries that they need, programs are the host's own; without them: "
                + self._without(self.others),
            )
        if self.unknown:
            problems.add(
                f"{manager} has its own names, and no list says what the index calls these: {', '.join(self.unknown)}",
                where=where,
                hint="write what of it is Python into a requirements file, by its name on the index; without them: "
                + self._without([*self.others, *self.unknown]),
            )

    def _without(self, entries: Sequence[str]) -> str:
        listed = json.dumps([*self.selection.leave_out, *entries])
        return f"requirements = [{{ path = {json.dumps(self.name)}, leave-out = {listed} }}]"


def is_version(text: str) -> bool:
    """Whether a text is a version by PEP 440."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
