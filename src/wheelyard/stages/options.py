"""What the command line says of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wheelyard.domain.site import GRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says of one run, over what ``wheelyard.toml`` says."""

    upgrade: bool = False
    upgrade_packages: frozenset[str] = frozenset()
    fail_fast: bool = False
    prove: bool = True
    all_or_nothing: bool = False
    """Publish nothing where anything is withheld."""
    keys: tuple[Path, ...] = ()
    """SSH keys to sign with, in place of the configuration's."""
    grace: float = GRACE
    """Seconds that a wheel which leaves stays for who has read of it already; as for ``publish``."""
    timings: bool = False
    """Say on the pages how long each build took: then the same inputs do not give the same bytes."""


PLAIN = Options()
"""Those of a run that says nothing."""
