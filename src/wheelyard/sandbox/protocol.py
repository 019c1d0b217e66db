"""What every sandbox can do."""

from __future__ import annotations

from typing import Literal, Protocol

from wheelyard.domain.command import Command, Completed


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

    def run(self, command: Command) -> Completed:
        """Run a command to its end; a non-zero exit is not an error here."""
        ...
