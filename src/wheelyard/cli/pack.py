"""``wheelyard pack``: one signed file, or volumes, or a delta, to carry across."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli import completion
from wheelyard.cli.output import human_bytes, say, say_json
from wheelyard.cli.policy import PolicyFile, policy_of
from wheelyard.cli.reporters import reporter
from wheelyard.domain.errors import ConfigError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\Z", re.IGNORECASE)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("pack")(pack)


def bytes_of(text: str) -> int:
    """Return a size in bytes: ``700M`` (powers of ten), ``4GiB`` (powers of two).

    :raises ConfigError: if it is not a size.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        raise ConfigError(f"not a size: {text}", hint="write it as 700M or 4GiB")
    number, unit, binary = match.groups()
    power = " kmgt".index(unit.lower() or " ")
    return int(float(number) * (1024 if binary else 1000) ** power)


def pack(
    wheelhouse: Annotated[Path, typer.Argument(help="The wheelhouse to pack.")] = Path("wheelhouse"),
    to: Annotated[
        Path | None, typer.Option("--to", "-o", help="File or folder to write to.", show_default="CHANNEL-SEQUENCE.tar")
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign with, or its .pub if an agent has it (repeatable)."),
    ] = None,
    since: Annotated[
        Path | None, typer.Option(help="Only what this bundle, wheelhouse or manifest.json does not have.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help="Only this folder (el9, el9.v3, or el9.* with its variants; repeatable).",
            autocompletion=completion.folders,
        ),
    ] = None,
    volume_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Cut into volumes: 4GB for FAT32, 700M, 4.3GiB, …")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="2027-01-31, or 90d: refused afterwards.")] = None,
    created: Annotated[
        str | None,
        typer.Option(
            help="Time in the manifest: the same one makes the same bytes.", show_default="when it was packed"
        ),
    ] = None,
    policy: PolicyFile = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Carry what is needed to build it again there, without a network.")
    ] = False,
    config: Annotated[
        Path, typer.Option(help="With --sources: the configuration that the wheelhouse was built from.")
    ] = Path("wheelyard.toml"),
    itself: Annotated[
        bool, typer.Option("--self", help="Carry Wheelyard itself too, with its own install.py, in wheelyard/.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Pack a wheelhouse into one signed file, the same bytes every time."""
    from wheelyard.stages.packing import pack as write

    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        done = write(
            wheelhouse,
            to,
            keys=key or (),
            since=since,
            targets=target or (),
            volume_size=bytes_of(volume_size) if volume_size else None,
            created=created,
            expires=expires,
            policy=policy_of(policy),
            sources_of=config if sources else None,
            itself=itself,
            report=report,
        )
    if as_json:
        facts: dict[str, object] = {"event": "packed", "volumes": [str(path) for path in done.volumes]}
        facts |= {"manifest": done.digest, "bytes": done.bytes, "signed": done.signed}
        facts |= {"base": done.base, "removed": list(done.removed)}
        say_json(facts)
    elif not quiet:
        for path in done.volumes:
            say(f"{path}  {human_bytes(path.stat().st_size)}")
        if not done.signed:
            say("not signed: the other side will refuse it unless told not to (sign with --key)")
    return 0
