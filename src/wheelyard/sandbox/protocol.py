"""What every sandbox can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from wheelyard.domain.build import Limits
from wheelyard.domain.command import Completed


class Sandbox(Protocol):
    """A place where other people's code runs: no network, no secrets, nothing outside its folders.

    Every path is the same inside and outside, so that nothing has to be translated.
    """

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def isolation(self) -> Literal["full", "network", "none"]:
        """``full``: network and file system are cut off; ``network``: only the network; ``none``: nothing is."""
        ...

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
        """Run a command that sees the system read-only, ``readable`` read-only and ``writable``, and no network."""
        ...
