"""Where a target's sdists are built: in an image of its own kind, or on this machine."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wheelyard.build.container import find_toolchain
from wheelyard.build.cross.toolchain import zig_toolchain
from wheelyard.build.key import local_toolchain
from wheelyard.build.model import Recipe, Sandbox
from wheelyard.build.sandbox import find_sandbox
from wheelyard.config.model import BuildSettings
from wheelyard.errors import ToolError
from wheelyard.events import Reporter, Warned
from wheelyard.store.model import Store, default_root
from wheelyard.targets import platforms, presets
from wheelyard.targets.here import this_machine
from wheelyard.targets.interpreters import find
from wheelyard.targets.model import Target


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

    def sandbox(self, recipe: Recipe) -> Sandbox:
        """Return the sandbox that a package is built in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalToolchain:
    """This machine's own interpreter and compiler."""

    python: Path
    identity: str
    local: Sandbox

    @property
    def image_pin(self) -> None:
        """No container."""

    def sandbox(self, recipe: Recipe) -> Sandbox:  # noqa: ARG002  (this machine has what it has)
        """Return this machine's sandbox, the same for every package."""
        return self.local


class Toolchains:
    """The toolchain of each target, found once a run; safe to ask from many threads."""

    def __init__(self, settings: BuildSettings, report: Reporter) -> None:
        self._settings = settings
        self._report = report
        self._lock = threading.Lock()
        self._found: dict[Target, Toolchain] = {}
        self._local: Sandbox | None = None
        self._pins: dict[str, str] = {}

    def pin(self, images: Mapping[str, str | None]) -> None:
        """Take images by the digests that locks name (by target), where they are still the images that are wanted."""
        self._pins = {target: image for target, image in images.items() if image is not None}

    def __call__(self, target: Target) -> Toolchain:
        """Return a target's toolchain.

        Its own image if it names one; else, unless the configuration says which, the preset's builder image where an
        engine has it and this machine's C library is too new; else this machine.

        :raises ToolError: if there is neither an image nor an interpreter for the target.
        """
        with self._lock:
            if target not in self._found:
                self._found[target] = self._find(target)
            return self._found[target]

    def local_sandbox(self) -> Sandbox:
        """Return this machine's sandbox.

        :raises ToolError: if the configuration's sandbox does not work here.
        """
        if self._local is None:
            self._local = find_sandbox(self._settings, self._report)
        return self._local

    def _find(self, target: Target) -> Toolchain:
        if target.toolchain == "zig":
            return zig_toolchain(target, Store(default_root()), self.local_sandbox())
        image = target.image or presets.builder_image(target)
        pinned = self._pins.get(target.name, "")
        if image is not None and pinned.startswith(f"{image}@"):
            image = pinned
        if target.image is not None or self._settings.sandbox == "container":
            if image is None:
                raise ToolError("no image is known for it", where=f"target {target.name}", hint='write: image = "…"')
            return find_toolchain(self._settings, target, image)
        interpreter = find(target)
        if image is not None and self._settings.sandbox == "auto" and not (interpreter and _native(target)):
            try:
                return find_toolchain(self._settings, target, image)
            except ToolError as error:
                if interpreter is None:
                    raise ToolError(
                        f"there is no {target.implementation} {target.python} here, and no container: {error}",
                        where=f"target {target.name}",
                        hint="install that Python, or an engine (see `wheelyard doctor`)",
                    ) from error
                self._report(Warned(message=f"target {target.name}: compiled on this machine, as {error}"))
        if interpreter is None:
            raise ToolError(
                f"there is no {target.implementation} {target.python} here to build with",
                where=f"target {target.name}",
                hint="install that Python, or name an image to build in (see `wheelyard doctor`)",
            )
        return LocalToolchain(python=Path(interpreter.path), identity=local_toolchain(), local=self.local_sandbox())


def _native(target: Target) -> bool:
    """Whether what is compiled here is made for a C library that is no newer than the target's."""
    here, wanted = platforms.parse(this_machine().platform), platforms.parse(target.platform)
    if here.cpu != wanted.cpu:
        return False
    return wanted.family == "linux" or (here.family == wanted.family and here.version <= wanted.version)
