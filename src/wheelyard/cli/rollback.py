"""``wheelyard rollback`` and ``wheelyard generations``: what was published before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.grace import Grace
from wheelyard.cli.output import say
from wheelyard.cli.reporters import reporter
from wheelyard.domain.site import GRACE


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("rollback")(rollback)
    app.command("generations")(generations)


def rollback(
    into: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that bundles are imported into; or a wheelhouse.")
    ],
    to: Annotated[
        str | None, typer.Option(metavar="NAME", help="A generation of an import.", show_default="the one before")
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign a wheelhouse with, or its .pub (repeatable)."),
    ] = None,
    grace: Grace = GRACE,
) -> int:
    """Publish an earlier generation again, in one step. That of a wheelhouse gets a sequence number of its own."""
    from wheelyard.bundle import import_
    from wheelyard.bundle.given import is_generation, is_wheelhouse, need_imported

    if is_wheelhouse(into) and not is_generation(into) and to is None:
        from wheelyard.bundle.manifest import read
        from wheelyard.index.rollback import roll_back
        from wheelyard.store.blobs import Store

        with reporter(quiet=False, as_json_lines=False) as report:
            roll_back(into, store=Store(), keys=key or (), report=report, grace=grace)
        say(f"published what was in {into} before, as sequence {read(into)[0].sequence}")
        return 0
    need_imported(into)

    say(f"published {into / 'current'} -> {import_.rollback(into, to)}")
    return 0


def generations(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that bundles are imported into.")],
    keep: Annotated[int, typer.Option(min=0, help="Remove all but so many; 0: remove nothing.")] = 0,
) -> int:
    """List the generations of an import folder; with --keep, remove old ones and files that no manifest lists."""
    from wheelyard.bundle import import_
    from wheelyard.bundle.given import need_imported

    need_imported(into)

    for name in import_.prune(into, keep) if keep else ():
        say(f"removed {name}")
    names, published = import_.generations_of(into)
    for name in names:
        say(f"{name}{'  published' if name == published else ''}")
    return 0
