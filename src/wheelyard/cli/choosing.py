"""What versions are chosen from, and which anew: arguments and options of all commands that lock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli import completion

Source = Annotated[
    Path,
    typer.Argument(help="wheelyard.toml, or in its place a requirements file, a project or another tool's lock."),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="Only this target, or a preset such as el9 (repeatable).",
        autocompletion=completion.targets_and_presets,
    ),
]
Upgrade = Annotated[bool, typer.Option("--upgrade", "-U", help="Forget earlier pins.")]
UpgradePackages = Annotated[
    list[str] | None,
    typer.Option(
        "--upgrade-package",
        "-P",
        metavar="NAME",
        help="Forget one pin (repeatable).",
        autocompletion=completion.packages,
    ),
]
