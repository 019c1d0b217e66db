"""``wheelyard prune``: old files out of a wheelhouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.grace import Grace
from wheelyard.cli.output import human_bytes, say
from wheelyard.domain.events import Event, Told
from wheelyard.domain.site import GRACE


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("prune")(prune)


def prune(
    into: Annotated[Path, typer.Argument(help="The wheelhouse.")] = Path("wheelhouse"),
    newest: Annotated[int, typer.Option(min=0, help="Keep so many versions of each project.")] = 0,
    before: Annotated[
        str | None, typer.Option(help="Take out what was uploaded before this day: 2026-01-31.", show_default=False)
    ] = None,
    lock: Annotated[
        list[Path] | None, typer.Option(help="Take out what no lock names (repeatable).", show_default=False)
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign with, or its .pub if an agent has it (repeatable)."),
    ] = None,
    grace: Grace = GRACE,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
) -> int:
    """Take mirrored and added files out by version, day or lock; targets' folders stay as they are."""
    from wheelyard.bundle.given import need_wheelhouse
    from wheelyard.index import site_state
    from wheelyard.mirror import prune as pruning
    from wheelyard.store.blobs import Store

    rule = pruning.Rule(newest=newest, before=before, locks=tuple(lock or ()))
    need_wheelhouse(into)
    into = into.absolute()
    gone = pruning.outdated(site_state.load(into), rule)
    for entry in gone:
        say(f"{'remove' if yes else 'would remove'} {entry.wheel.filename}")
    if yes:  # also where nothing is left to be taken out: what a killed run left behind is swept
        pruning.prune(rule, store=Store(), into=into, keys=key or (), grace=grace, report=_tell)
    size = human_bytes(sum(entry.wheel.size for entry in gone))
    say(f"{len(gone)} files, {size}" + ("" if yes or not gone else "; run again with --yes to do it"))
    return 0


def _tell(event: Event) -> None:
    if isinstance(event, Told):
        say(event.message)
