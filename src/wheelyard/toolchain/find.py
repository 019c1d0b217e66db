"""Where a target's sdists are built: in an image of its own kind, or on this machine."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import Reporter, Warned
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.sandbox.local import find_sandbox
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms, presets
from wheelyard.targets.here import from_interpreter, this_machine
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.apple import AppleToolchain
from wheelyard.toolchain.container import find_toolchain
from wheelyard.toolchain.identity import local_toolchain
from wheelyard.toolchain.local import LocalToolchain
from wheelyard.toolchain.protocol import Toolchain
from wheelyard.toolchain.universal2 import FusedToolchain, parts
from wheelyard.toolchain.zig.toolchain import zig_in_image, zig_toolchain


class Toolchains:
    """The toolchain of each target, found once a run; safe to ask from many threads."""

    def __init__(self, settings: BuildSettings, store: Store, report: Reporter) -> None:
        self._settings = settings
        self._store = store
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

    def builds_on(self, target: Target) -> tuple[Target, str] | None:
        """Return what a target's build requirements run on, and what compiles them; None: the target's own."""
        machine = self(target).machine
        return None if machine is None else (machine, self(machine).identity)

    def local_sandbox(self) -> Sandbox:
        """Return this machine's sandbox.

        :raises ToolError: if the configuration's sandbox does not work here.
        """
        if self._local is None:
            self._local = find_sandbox(self._settings, self._report)
        return self._local

    def _find(self, target: Target) -> Toolchain:
        if target.toolchain == "zig":
            return self._find_zig(target)
        image = self._pinned(target, target.image or presets.builder_image(target))
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
        native = LocalToolchain(python=Path(interpreter.path), identity=local_toolchain(), local=self.local_sandbox())
        if {platforms.parse(each).family for each in (interpreter.platform, target.platform)} == {"macosx"}:
            return AppleToolchain(target=target, native=native, here=from_interpreter(interpreter))
        return native

    def _find_zig(self, target: Target) -> Toolchain:
        """Return Zig in the target's image, if it names one, else in this machine's builder image, or right here."""
        image = target.image
        if image is None and self._settings.sandbox == "container":
            image = presets.builder_image(this_machine())
        target = replace(target, image=self._pinned(target, image))
        if thin := parts(target):
            return FusedToolchain(parts=tuple(self._zig(each) for each in thin))
        return self._zig(target)

    def _zig(self, target: Target) -> Toolchain:
        if target.image is not None:
            return zig_in_image(target, self._store, self._settings, target.image)
        return zig_toolchain(target, self._store, self.local_sandbox())

    def _pinned(self, target: Target, image: str | None) -> str | None:
        """Return an image by the digest that the target's lock names, where it is still the one that is wanted."""
        pinned = self._pins.get(target.name, "")
        return pinned if image is not None and pinned.startswith(f"{image}@") else image


def _native(target: Target) -> bool:
    """Whether what is compiled here is made for a C library that is no newer than the target's."""
    here, wanted = platforms.parse(this_machine().platform), platforms.parse(target.platform)
    if here.cpu != wanted.cpu:
        return False
    return wanted.family == "linux" or (here.family == wanted.family and here.version <= wanted.version)
