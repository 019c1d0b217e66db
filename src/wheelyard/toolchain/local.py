"""This machine as the place where a target's sdists are built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.build import Recipe
from wheelyard.sandbox.protocol import Sandbox


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
