"""``wheelyard import``: verify a bundle and publish it on the intranet side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli import trust as trusting
from wheelyard.cli.output import human_bytes, say
from wheelyard.cli.policy import PolicyFile, policy_of
from wheelyard.cli.reporters import reporter


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("import")(import_)


def import_(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="The bundle: all its volumes.")],
    into: Annotated[Path, typer.Option(help="The folder; DIR/current is what is published.", metavar="DIR")],
    trust: trusting.Trust = None,
    revoked: trusting.Revoked = None,
    threshold: trusting.Threshold = None,
    allow_unsigned: trusting.AllowUnsigned = False,
    allow_rollback: trusting.AllowRollback = False,
    allow_expired: trusting.AllowExpired = False,
    allow_wrong_clock: trusting.AllowWrongClock = False,
    allow_gap: trusting.AllowGap = False,
    allow_other_channel: trusting.AllowOtherChannel = False,
    policy: PolicyFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Verify a bundle, full or delta, and publish it in one step, or leave everything as it is."""
    from wheelyard.bundle.given import need_path
    from wheelyard.bundle.import_ import import_bundle
    from wheelyard.stages import judging

    for path in bundles:
        need_path(path)

    options = trusting.options(
        trust,
        revoked,
        threshold,
        unsigned=allow_unsigned,
        rollback=allow_rollback,
        expired=allow_expired,
        wrong_clock=allow_wrong_clock,
        gap=allow_gap,
        other_channel=allow_other_channel,
    )
    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        accept = partial(judging.accept, policy=rules, report=report) if (rules := policy_of(policy)) else None
        done = import_bundle(bundles, into, options, accept=accept, report=report)
    if not quiet and not as_json:
        signed = f"signed by {', '.join(done.signers)}" if done.signers else "the signature was NOT checked"
        say(f"published {into / 'current'} -> {done.generation}, {signed}, {human_bytes(done.new)} new")
    return 0
