"""``wheelyard trust``: who may sign what is imported into a folder; and the options about trust that others share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli.output import say, say_json

if TYPE_CHECKING:
    from wheelyard.bundle.import_ import TrustOptions
    from wheelyard.host.policy import Policy

Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", help="Allowed signers (OpenSSH's format), or a public key.", show_default="remembered, or /etc"
    ),
]
Revoked = Annotated[Path | None, typer.Option("--revoked", help="Keys or fingerprints that are no longer trusted.")]
Threshold = Annotated[
    int | None,
    typer.Option(
        "--threshold", min=1, help="So many different keys must have signed.", show_default="remembered, or 1"
    ),
]
AllowUnsigned = Annotated[bool, typer.Option("--allow-unsigned", help="Accept what nobody signed; logged.")]
AllowRollback = Annotated[bool, typer.Option("--allow-rollback", help="Accept an older sequence; logged.")]
AllowExpired = Annotated[bool, typer.Option("--allow-expired", help="Accept an expired manifest; logged.")]
AllowWrongClock = Annotated[bool, typer.Option("--allow-wrong-clock", help="Accept one from the future; logged.")]
AllowGap = Annotated[bool, typer.Option("--allow-gap", help="Accept that one between is missing; logged.")]
AllowOtherChannel = Annotated[bool, typer.Option("--allow-other-channel", help="Accept another channel; logged.")]


def options(trust: Path | None, revoked: Path | None, threshold: int | None, **allowed: bool) -> TrustOptions:
    """Return the options as a value; ``allowed`` are the dangers, with ``_`` for ``-``."""
    from wheelyard.bundle.import_ import TrustOptions

    dangers = frozenset(name.replace("_", "-") for name, accepted in allowed.items() if accepted)
    return TrustOptions(trust=trust, revoked=revoked, threshold=threshold, allowed=dangers)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("trust")(trust)


def trust(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that bundles are imported into.")],
    signers: Trust = None,
    revoked: Revoked = None,
    threshold: Threshold = None,
    show: Annotated[bool, typer.Option("--show", help="Show the policy (also without this).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> int:
    """Show who may sign what is imported into a folder, how many must, and what was revoked; or change it by hand."""
    from wheelyard.bundle import import_

    change = not show and (signers or revoked or threshold)
    policy = import_.change_policy(into, options(signers, revoked, threshold)) if change else import_.policy_of(into)
    if as_json:
        facts = dict(policy._asdict(), seen={name: seen._asdict() for name, seen in policy.seen.items()})
        say_json(facts)
    else:
        for line in _told(policy):
            say(line)
    return 0


def _told(policy: Policy) -> list[str]:
    """Return a policy in lines for people."""
    from wheelyard.host.sshsig import fingerprint, parse_signers, signer_name

    lines = [f"channel:    {policy.channel or 'any, until the first import'}"]
    lines += [f"threshold:  {policy.threshold}"]
    for signer in parse_signers(policy.signers):
        mark = fingerprint(signer.key)
        state = "  REVOKED" if mark in policy.revoked else ""
        name = "" if signer_name(signer) == mark else f"  {signer.principals}"
        lines.append(f"signer:     {mark}{name}{state}")
    if not policy.signers:
        lines.append("signer:     nobody yet: pass --trust with the first import")
    for mark, origin in sorted(policy.revoked.items()):
        lines.append(f"revoked:    {mark}  {f'by the manifest {origin[:12]}' if origin else 'by hand'}")
    for name, seen in sorted(policy.seen.items()):
        lines.append(f"last seen:  {name} {seen.sequence}, manifest {seen.manifest[:12]}")
    lines += [f"time:       {policy.time}"] if policy.time else []
    return lines
