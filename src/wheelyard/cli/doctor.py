"""``wheelyard doctor``: what this machine has, and what to install for the rest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli.output import plain_value, say, show

if TYPE_CHECKING:
    from wheelyard.config.model import Config

_MARKS = {"ok": ("ok", "green"), "partial": ("partly", "yellow"), "missing": ("no", "red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def _configuration(source: Path) -> Config:
    from wheelyard.config.load import load

    return load(source)


def doctor(
    source: Annotated[
        Path | None,
        typer.Argument(help="A wheelyard.toml: say what its targets need, instead of all.", show_default=False),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what this machine has for building, and what to install for what is missing."""
    from wheelyard import doctor as room

    findings = room.examine() if source is None else room.examine_for(_configuration(source))
    here = room.family()
    families = (here,) if here else room.FAMILIES
    commands = {family: room.install_command(findings, family) for family in families}
    if json_:
        document = {
            "findings": [dataclasses.asdict(finding) for finding in findings],
            "distribution": here,
            "install": commands,
        }
        say(json.dumps(plain_value(document), indent=2, ensure_ascii=False))
        return
    width = max(len(finding.name) for finding in findings)
    for result in findings:
        word, colour = _MARKS[result.status]
        show(f"{word:6}", style=colour, end="")
        show(f"  {result.name:{width}}  {result.detail}")
        if result.status != "ok":
            say(f"{'':{width + 10}}for: {result.purpose}")
            if result.advice:
                say(f"{'':{width + 10}}{result.advice}")
    wanted = {name: command for name, command in commands.items() if command}
    if wanted:
        say("\nTo install what is missing (only what you need; each line above says what for):")
        for name, command in wanted.items():
            say(f"  {command}" if here else f"  {name:7} {command}")
    elif all(finding.status == "ok" for finding in findings):
        say("\nNothing is missing.")
