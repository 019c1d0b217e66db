"""What every repairer can do; a module with these two functions is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from wheelyard.domain.repaired import Repaired
from wheelyard.domain.target import Target


class Repairer(Protocol):
    """Grafts what a wheel needs from outside, and finds the oldest platform that it runs on."""

    def identity(self) -> str:
        """Return the tools that do the work, with their versions: others may give another wheel."""
        ...

    def repair(
        self,
        wheel: Path,
        into: Path,
        target: Target,
        *,
        log: Path,
        libraries: Sequence[Path] = (),
        provided: Sequence[str] = (),
        check_instructions: bool = True,
    ) -> Repaired:
        """Write the repaired wheel into the folder ``into``.

        :param libraries: folders to look for shared libraries in, instead of this machine's own: an image's.
        :param provided: names (``fnmatch`` patterns) of libraries that come from elsewhere, and are not grafted.
        :param check_instructions: refuse code for newer CPUs than the platform promises; off for variants.
        :raises RepairError: if the wheel cannot run on the target, with the object and what it needs.
        """
        ...
