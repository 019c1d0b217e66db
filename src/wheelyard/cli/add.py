"""``wheelyard add``: files of one's own into a wheelhouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.output import say
from wheelyard.cli.policy import PolicyFile, policy_of


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("add")(add)


def add(
    files: Annotated[list[Path], typer.Argument(help="Wheels, sdists, eggs or old Windows installers.")],
    into: Annotated[Path, typer.Option(help="The wheelhouse.")] = Path("wheelhouse"),
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign with, or its .pub if an agent has it (repeatable)."),
    ] = None,
    policy: PolicyFile = None,
) -> int:
    """Check files strictly and add them to the index; eggs and Windows installers become wheels."""
    from wheelyard.mirror.add import add as add_files
    from wheelyard.policy.model import ANYTHING
    from wheelyard.store.blobs import Store

    done = add_files(files, store=Store(), into=into.absolute(), keys=key or (), policy=policy_of(policy) or ANYTHING)
    say(f"{done.added} added, {done.unchanged} there already")
    return 0
