"""The toolchain of a target, by its ``toolchain`` key: the registry of those who find one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import Reporter
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.settings import BuildSettings
from wheelyard.domain.target import Target
from wheelyard.sandbox.local import find_sandbox
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import Store
from wheelyard.toolchain import native
from wheelyard.toolchain.protocol import Finder, Means, Toolchain
from wheelyard.toolchain.zig import find as zig

FINDERS: dict[str | None, Finder] = {None: native, "zig": zig}
"""By ``[[target]] toolchain``; None: the target says nothing."""


class Toolchains:
    """The toolchain of each target, found once a run; safe to ask from many threads."""

    def __init__(
        self,
        settings: BuildSettings,
        store: Store,
        report: Reporter,
        *,
        fetch: Callable[[tuple[RemoteFile, ...]], None] | None = None,
    ) -> None:
        """Make it, and look for nothing yet.

        :param fetch: brings files that a toolchain is made of into the store; None: they are there.
        """
        self._means = Means(settings=settings, store=store, report=report, local_sandbox=self.local_sandbox)
        self._fetch = fetch
        self._lock = threading.RLock()
        self._found: dict[Target, Toolchain | ToolError] = {}
        self._local: Sandbox | None = None

    def pin(self, images: Mapping[str, str | None]) -> None:
        """Take images by the digests that locks name (by target), where they are still the images that are wanted."""
        pins = {target: image for target, image in images.items() if image is not None}
        with self._lock:
            self._means = replace(self._means, pins=pins)
            self._found = {
                target: toolchain
                for target, toolchain in self._found.items()
                if not isinstance(toolchain, ToolError) and toolchain.image_pin in (None, pins.get(target.name))
            }

    def __call__(self, target: Target) -> Toolchain:
        """Return a target's toolchain; what it is made of is fetched where it must be.

        :raises ToolError: if nothing here compiles for the target, or it asks for a toolchain that is unknown.
        """
        with self._lock:
            if target not in self._found:
                try:
                    self._found[target] = self._find(target)
                except ToolError as error:  # it may have taken its time, and will not go better a moment later
                    self._found[target] = error
            found = self._found[target]
        if isinstance(found, ToolError):
            raise found
        return found

    def machine(self, target: Target) -> Target:
        """Return what a target's build requirements run on: the target itself, where nobody can tell.

        :raises ToolError: if the toolchain that the target names cannot be had.
        """
        try:
            return self(target).machine or target
        except ToolError:
            if target.build.toolchain is not None:
                raise
            return target

    def builds_on(self, target: Target) -> tuple[Target, str] | None:
        """Return what a target's build requirements run on, and what compiles them; None: the target's own."""
        machine = self(target).machine
        return None if machine is None else (machine, self(machine).identity)

    def local_sandbox(self) -> Sandbox:
        """Return this machine's sandbox.

        :raises ToolError: if the configuration's sandbox does not work here.
        """
        with self._lock:
            if self._local is None:
                self._local = find_sandbox(self._means.settings, self._means.report)
            return self._local

    def _find(self, target: Target) -> Toolchain:
        finder = FINDERS.get(target.build.toolchain)
        if finder is None:
            raise ToolError(f"there is no toolchain {target.build.toolchain}", where=f"target {target.name}")
        if self._fetch is not None and (files := finder.needs(target, self._means.store)):
            self._fetch(files)
        return finder.find(target, self._means)
