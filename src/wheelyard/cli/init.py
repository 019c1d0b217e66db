"""``wheelyard init``: write a commented ``wheelyard.toml``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli import completion
from wheelyard.cli.output import say
from wheelyard.domain.errors import ConfigError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FROM]...",
            help="Requirements files, projects and locks of other tools to make it from.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            metavar="PRESET",
            help="A kind of host, as el9 or el8-py39; may be repeated.",
            autocompletion=completion.presets,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("wheelyard.toml"),
    from_environment: Annotated[
        Path | None,
        typer.Option(metavar="PREFIX", help="Take what an environment has installed; written to environment.txt."),
    ] = None,
    from_sources: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take the configuration, the locks and every file from a wheelhouse that carries its sources.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented wheelyard.toml."""
    from wheelyard.config import template
    from wheelyard.io import files

    if from_sources is not None:
        if sources or target or from_environment or output != Path("wheelyard.toml"):
            raise UsageError("--from-sources takes all from there", hint="leave everything but --force away")
        _unpack(from_sources, force=force)
        return
    path = output.absolute()
    if path.exists() and not force:
        raise ConfigError("is there already", where=str(output), hint="--force replaces it, --output names another")
    sources = list(sources or ())
    if from_environment is not None:
        sources.append(_installed(from_environment, path.parent / "environment.txt", force=force))
    files.write(path, template.render(sources, path.parent, targets=tuple(target or ())))
    say(f"wrote {output}")
    command = "wheelyard build" if output == Path("wheelyard.toml") else shlex.join(["wheelyard", "build", str(output)])
    if not sources and not (path.parent / "requirements.in").exists():
        say(f"next: list your requirements in requirements.in, one a line, then run: {command}")
    else:
        say(f"next: {command}")


def _unpack(carried: Path, *, force: bool) -> None:
    """Put what a wheelhouse was made of into the working folder and the store."""
    from wheelyard.stages.carrying import unpack

    config = unpack(carried, Path(), force=force)
    say(f"wrote {config}, with its locks; every file that they name is in the store")
    command = ["wheelyard", "build"] if config == Path("wheelyard.toml") else ["wheelyard", "build", str(config)]
    say(f"next: {shlex.join(command)}")


def _installed(prefix: Path, listed: Path, *, force: bool) -> Path:
    """Write what an environment has installed, and return the file."""
    from wheelyard.config.installed import requirements_of
    from wheelyard.io import files

    if listed.exists() and not force:
        raise ConfigError("is there already", where=listed.name, hint="--force replaces it")
    files.write(listed, requirements_of(prefix.absolute()))
    say(f"wrote {listed.name}")
    return listed
