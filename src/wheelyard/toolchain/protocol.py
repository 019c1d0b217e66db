"""What every toolchain can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from wheelyard.domain.build import Recipe
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox


class Toolchain(Protocol):
    """The target's Python, and what compiles for it."""

    @property
    def python(self) -> Path:
        """The target's interpreter, as its sandbox sees it."""
        ...

    @property
    def identity(self) -> str:
        """What identifies compiler and C library in the build key."""
        ...

    @property
    def image_pin(self) -> str | None:
        """The image by its digest, as a lock pins it; None: no container."""
        ...

    @property
    def machine(self) -> Target | None:
        """What build requirements run on; None: the target itself."""
        ...

    def sandbox(self, recipe: Recipe) -> Sandbox:
        """Return the sandbox that a package is built in."""
        ...
