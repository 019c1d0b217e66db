"""A sandbox that is a fresh container for each command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from wheelyard.domain.command import Command, Completed
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import Image
from wheelyard.sandbox.container.launch import run_in_container
from wheelyard.sandbox.container.python import pythons


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSandbox:
    """Every command in a fresh container of one image: `launch.py` says what that cuts off."""

    engine: Engine
    image: Image

    @property
    def name(self) -> str:
        """What it is called in reports: the engine and the image."""
        return f"{self.engine.kind} {self.image.name}"

    @property
    def isolation(self) -> Literal["full", "network", "none"]:
        """Network and file system are cut off."""
        return "full"

    def run(self, command: Command) -> Completed:
        """Run a command; see :class:`wheelyard.sandbox.protocol.Sandbox`.

        A folder of this machine where the image has an interpreter of its own is not put over it.
        """
        own = {Path(python.prefix) for python in pythons(self.engine, self.image)}
        readable = tuple(path for path in command.readable if path not in own)
        return run_in_container(self.engine, self.image, replace(command, readable=readable))
