"""``wheelyard doctor``: what this machine has, and what to install for the rest."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

_MARKS = {
    "ok": ("ok", typer.colors.GREEN),
    "partial": ("partly", typer.colors.YELLOW),
    "missing": ("no", typer.colors.RED),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what this machine has for building, and what to install for what is missing."""
    from wheelyard import doctor as room

    findings = room.examine()
    here = room.family()
    families = (here,) if here else room.FAMILIES
    commands = {each: room.install_command(findings, each) for each in families}
    if json_:
        document = {
            "findings": [dataclasses.asdict(each) for each in findings],
            "distribution": here,
            "install": commands,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    width = max(len(each.name) for each in findings)
    for each in findings:
        word, colour = _MARKS[each.status]
        typer.echo(f"{typer.style(f'{word:6}', fg=colour)}  {each.name:{width}}  {each.detail}")
        if each.status != "ok":
            typer.echo(f"{'':{width + 10}}for: {each.purpose}")
            if each.advice:
                typer.echo(f"{'':{width + 10}}{each.advice}")
    wanted = {name: command for name, command in commands.items() if command}
    if wanted:
        typer.echo("\nTo install what is missing (only what you need; each line above says what for):")
        for name, command in wanted.items():
            typer.echo(f"  {command}" if here else f"  {name:7} {command}")
    elif all(each.status == "ok" for each in findings):
        typer.echo("\nNothing is missing.")
