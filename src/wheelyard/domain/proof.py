"""What a proof of one folder came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
    told: tuple[str, ...] = ()
    """Modules that do not import, in words, where that did not keep the folder from being proven."""
    hint: str | None = None
    """What to do, where it failed and that is known."""
    key: str = ""
    """Digest of what was proven: the same key needs no second proof."""
