"""The options about trust that ``import``, ``check`` and others share. Not a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wheelyard.bundle.import_ import TrustOptions

Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", help="Allowed signers (OpenSSH's format), or a public key.", show_default="remembered, or /etc"
    ),
]
Revoked = Annotated[Path | None, typer.Option("--revoked", help="Keys or fingerprints that are no longer trusted.")]
Threshold = Annotated[int, typer.Option("--threshold", min=1, help="So many different keys must have signed.")]
AllowUnsigned = Annotated[bool, typer.Option("--allow-unsigned", help="Accept what nobody signed; logged.")]
AllowRollback = Annotated[bool, typer.Option("--allow-rollback", help="Accept an older sequence; logged.")]
AllowExpired = Annotated[bool, typer.Option("--allow-expired", help="Accept an expired manifest; logged.")]
AllowWrongClock = Annotated[bool, typer.Option("--allow-wrong-clock", help="Accept one from the future; logged.")]
AllowGap = Annotated[bool, typer.Option("--allow-gap", help="Accept that one between is missing; logged.")]
AllowOtherChannel = Annotated[bool, typer.Option("--allow-other-channel", help="Accept another channel; logged.")]


def options(trust: Path | None, revoked: Path | None, threshold: int, **allowed: bool) -> TrustOptions:
    """Return the options as a value; ``allowed`` are the dangers, with ``_`` for ``-``."""
    from wheelyard.bundle.import_ import TrustOptions

    dangers = frozenset(name.replace("_", "-") for name, accepted in allowed.items() if accepted)
    return TrustOptions(trust=trust, revoked=revoked, threshold=threshold, allowed=dangers)
