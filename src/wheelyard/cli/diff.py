"""``wheelyard diff A B``: packages, versions and sizes that are not the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.output import human_bytes, say, say_json


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diff")(diff)


def diff(
    before: Annotated[Path, typer.Argument(help="A wheelhouse, import folder, bundle or manifest.json.")],
    after: Annotated[Path, typer.Argument(help="The same, later.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> int:
    """Show what changed between two wheelhouses or bundles."""
    from wheelyard.bundle.diff import difference, read_side
    from wheelyard.bundle.given import need_side

    need_side(before)
    need_side(after)

    found = difference(read_side(before), read_side(after))
    if as_json:
        say_json(dataclasses.asdict(found))
        return 0
    for name in found.targets_added:
        say(f"target   {name}  added")
    for name in found.targets_removed:
        say(f"target   {name}  removed")
    width = max((len(change.name) for change in found.packages), default=0)
    for change in found.packages:
        versions = " -> ".join(",".join(side) or "-" for side in (change.before, change.after))
        size = f"{human_bytes(change.size_before)} -> {human_bytes(change.size_after)}"
        say(f"{change.change:8} {change.name:{width}}  {versions}  ({size})")
    files = f"{found.files_added} files added, {found.files_removed} removed, {found.files_changed} changed"
    sizes = f"{human_bytes(found.size_before)} -> {human_bytes(found.size_after)}"
    say(f"{files}; {sizes}, {human_bytes(found.new_bytes)} of it new")
    return 0
