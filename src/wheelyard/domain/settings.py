"""How sdists are built: ``[build]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """``[build]``."""

    jobs: int = 0
    """0: one per CPU."""
    timeout: float = 3600.0
    memory: int = 8 << 30
    sandbox: str = "auto"
    """A name of ``wheelyard.sandbox.local.SANDBOXES``, or ``container``; ``auto``: the best that works."""
    require_sandbox: bool = False
    """Refuse to build where the network cannot be cut."""
    source_date_epoch: int = 315532800
    engine: str | None = None
    engine_arguments: tuple[str, ...] = ()
    pull: bool = True
    """Whether images that are not here may be pulled, and packages added to them: not while a run is only foretold."""
