"""What a proof of one folder came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The outcome of installing and importing a target's folder on that target."""

    target: str
    """Name of the folder: the target, or ``<target>.<variant>``."""
    outcome: Literal["proven", "failed", "not run"]
    reason: str
    """Why it failed or was not run; else what was done, in words."""
    python: str = ""
    pip: str = ""
    installed: int = 0
    imported: int = 0
    managed: bool = False
    """Whether the host's Python was found to be the system's alone (PEP 668)."""
    told: tuple[str, ...] = ()
    """Modules that do not import, in words, where that did not keep the folder from being proven."""
    hint: str | None = None
    """What to do, where it failed and that is known."""
    plain: str = ""
    """What the pages say of it, where ``reason`` has words of other programs: names of this machine may be in them."""
    key: str = ""
    """Digest of what was proven: the same key needs no second proof."""

    @property
    def published(self) -> str:
        """The reason as everybody may read it: in our own words."""
        return self.plain or self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a probe came to."""

    faults: tuple[str, ...] = ()
    """What is not as asked for; none: proven."""
    words: str = ""
    """What was found, in one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One more question to a folder that is installed and imports, asked by a script that runs inside."""

    name: str
    script: str
    """Name of the script: one of ``files``. It is given the folder of its home, then the arguments, may leave files in
    ``HOME``, and prints JSON as its last line."""
    files: Mapping[str, bytes]
    """The script and what it imports, by name."""
    arguments: tuple[str, ...] = ()
    runs: tuple[Mapping[str, str], ...] = ({},)
    """It runs once with each of these environment variables added."""
    judge: Callable[[Sequence[Any], Path], Finding]
    """From the answer of each run, and the home that they were given in, to what was found."""
    facts: tuple[object, ...] = ()
    """What the outcome depends on besides the folder, as values that JSON has: a part of the proof's key."""
