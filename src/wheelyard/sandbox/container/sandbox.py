"""A sandbox that is a fresh container for each command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wheelyard.domain.build import Limits
from wheelyard.domain.command import Completed
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

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        limits: Limits,
        log: Path,
    ) -> Completed:
        """Run a command; see :class:`wheelyard.domain.build.Sandbox`.

        A folder of this machine where the image has an interpreter of its own is not put over it.
        """
        own = {Path(each.prefix) for each in pythons(self.engine, self.image)}
        return run_in_container(
            self.engine,
            self.image,
            command,
            cwd=cwd,
            env=env,
            readable=[path for path in readable if path not in own],
            writable=writable,
            limits=limits,
            log=log,
        )
