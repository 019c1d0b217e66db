"""``wheelyard why NAME``: why a package is in the locks, and why this very file of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli import completion
from wheelyard.cli.output import say, say_json
from wheelyard.domain.errors import ConfigError

if TYPE_CHECKING:
    from wheelyard.lock.why import Reason


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("why")(why)


def why(
    name: Annotated[str, typer.Argument(help="The package.", autocompletion=completion.packages)],
    source: Annotated[
        Path, typer.Option("--config", "-c", help="wheelyard.toml, or what was locked in its place.")
    ] = Path("wheelyard.toml"),
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Only in this target.", autocompletion=completion.targets),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Show a package's version in each target, the file that was chosen, why, and who asked for it."""
    from wheelyard.config.load import load
    from wheelyard.lock.lock import read
    from wheelyard.lock.why import reason

    config = load(source)
    if target is not None and target not in {candidate.name for candidate in config.targets}:
        raise ConfigError(
            f"there is no target {target}", hint=f"known: {', '.join(candidate.name for candidate in config.targets)}"
        )
    found = []
    known: set[str] = set()
    for each in config.targets:
        if target in (None, each.name):
            lock = read(config, each.name)
            if lock is None:
                raise ConfigError(f"{each.name} is not locked yet", hint="run `wheelyard lock`")
            known |= {package.name for package in lock.packages}
            found += [told] if (told := reason(name, lock, config)) else []
    if not found:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        raise ConfigError(
            f"no lock has a package named {name}", hint=f"did you mean {near[0]}?" if near else "is it required at all?"
        )
    for told in found:
        if as_json:
            say_json(told.facts())
        else:
            for line in _lines(told):
                say(line)
    return 0


def _lines(told: Reason) -> Iterator[str]:
    package = told.package
    yield f"{package.name} {package.version} [{told.target}]"
    yield f"  file: {package.file.filename}" + (f" (index {package.file.index})" if package.file.index else "")
    yield f"  why this file: {package.reason}"
    if package.extras:
        yield f"  extras: {', '.join(package.extras)}"
    if package.build_requirements:
        needed = ", ".join(f"{requirement.name} {requirement.version}" for requirement in package.build_requirements)
        yield f"  built with: {needed}"
    for chain in told.chains:
        yield f"  wanted by: {' <- '.join(chain)}"
