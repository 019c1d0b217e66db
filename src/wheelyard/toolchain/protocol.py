"""What every toolchain can tell, and what finds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wheelyard.domain.build import Recipe
from wheelyard.domain.events import Reporter
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import Workspace
from wheelyard.store.blobs import Store


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

    def libraries(self, place: Workspace, wheel: Path) -> tuple[Path, ...]:
        """Return folders with the shared libraries that a wheel loads; none: they are where repairers look anyway.

        :param place: the workspace that the wheel was built in.
        """
        ...

    def check(self, wheel: Path, target: Target) -> None:
        """Refuse a finished wheel whose objects would not load on the target, if no proof here can find that out.

        :raises WheelError: naming each object, and why.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What toolchains are found with."""

    settings: BuildSettings
    store: Store
    report: Reporter
    local_sandbox: Callable[[], Sandbox]
    """Gives this machine's sandbox, found when it is first asked for."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """Images by the digests that locks name, by target."""

    def pinned(self, target: Target, image: str | None) -> str | None:
        """Return an image by the digest that the target's lock names, where it is still the one that is wanted."""
        pinned = self.pins.get(target.name, "")
        return pinned if image is not None and pinned.startswith(f"{image}@") else image


class Finder(Protocol):
    """Finds one kind of toolchain; a module with these two functions is one."""

    def needs(self, target: Target, store: Store) -> tuple[RemoteFile, ...]:
        """Return the files that have to be fetched into the store first."""
        ...

    def find(self, target: Target, means: Means) -> Toolchain:
        """Return a target's toolchain.

        :raises ToolError: if nothing here compiles for it.
        """
        ...
