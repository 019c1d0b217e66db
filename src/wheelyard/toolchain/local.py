"""This machine as the place where a target's sdists are built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.build import Recipe
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalToolchain:
    """This machine's own interpreter and compiler."""

    python: Path
    identity: str
    local: Sandbox

    @property
    def image_pin(self) -> None:
        """No container."""

    @property
    def machine(self) -> None:
        """The target itself."""

    def sandbox(self, recipe: Recipe) -> Sandbox:  # noqa: ARG002  (this machine has what it has)
        """Return this machine's sandbox, the same for every package."""
        return self.local

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """Return nothing: repairers look through this machine's own."""
        return ()

    def check(self, wheel: Path, target: Target) -> None:
        """Do nothing: what is compiled here is proven here."""
