"""What every repairer can do; a module with these two functions is one."""

from __future__ import annotations

from typing import Protocol

from wheelyard.domain.repaired import Repaired, RepairRequest


class Repairer(Protocol):
    """Grafts what a wheel needs from outside, and finds the oldest platform that it runs on."""

    def identity(self) -> str:
        """Return the tools that do the work, with their versions: others may give another wheel."""
        ...

    def repair(self, request: RepairRequest) -> Repaired:
        """Write the repaired wheel into the folder that is asked for.

        :raises RepairError: if the wheel cannot run on the target, with the object and what it needs.
        """
        ...
