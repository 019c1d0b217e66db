"""``wheelyard rollback`` and ``wheelyard generations``: the generations of an import folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("rollback")(rollback)
    app.command("generations")(generations)


def rollback(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that bundles are imported into.")],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="A generation.", show_default="the one before")] = None,
) -> int:
    """Publish an earlier generation again, in one step; it is logged."""
    from wheelyard.bundle import import_
    from wheelyard.bundle.given import need_imported

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
