"""``wheelyard pack``: one signed file, or volumes, or a delta, to carry across."""

from __future__ import annotations

import datetime
import re
import time
from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.output import say, say_json
from wheelyard.cli.reporters import human_bytes, reporter
from wheelyard.domain.errors import ConfigError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\Z", re.IGNORECASE)
_DAYS = re.compile(r"(\d+)\s*(d|days?|w|weeks?)\Z")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("pack")(pack)


def bytes_of(text: str) -> int:
    """Return a size in bytes: ``700M`` (powers of ten), ``4GiB`` (powers of two).

    :raises ConfigError: if it is not a size.
    """
    found = _SIZE.match(text.strip())
    if found is None:
        raise ConfigError(f"not a size: {text}", hint="write it as 700M or 4GiB")
    number, unit, binary = found.groups()
    power = " kmgt".index(unit.lower() or " ")
    return int(float(number) * (1024 if binary else 1000) ** power)


def moment_of(text: str, created: str | None) -> str:
    """Return a point in time as the manifest has it: a date, or ``90d`` after ``created`` (else after now).

    :raises ConfigError: if it is neither.
    """
    from wheelyard.bundle.manifest import timestamp

    if found := _DAYS.match(text.strip()):
        days = int(found.group(1)) * (7 if found.group(2).startswith("w") else 1)
        start = time.time() if created is None else datetime.datetime.fromisoformat(created).timestamp()
        return timestamp(int(start) + 86400 * days) or ""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"not a date: {text}", hint="write it as 2027-01-31 or 90d") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return timestamp(int(moment.timestamp())) or ""


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
        typer.Option("--target", "-t", help="Only this folder (el9, el9.v3, or el9.* with its variants; repeatable)."),
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Pack a wheelhouse into one signed file, the same bytes every time."""
    from wheelyard.bundle import manifest, single
    from wheelyard.bundle.given import need_side, need_wheelhouse
    from wheelyard.bundle.pack import follow
    from wheelyard.bundle.pack import pack as write

    need_wheelhouse(wheelhouse)
    if since:
        need_side(since)
    single.put(wheelhouse)
    found, _ = manifest.read(wheelhouse)
    made = moment_of(created, None) if created else manifest.timestamp() or found.created
    made = made or manifest.timestamp(int(time.time()))  # a host whose clock was set back must be able to tell
    until = moment_of(expires, made) if expires else found.expires
    if key or expires or created or not (wheelhouse / manifest.SIGNATURE).is_file():  # what is signed stays as it is
        manifest.restamp(wheelhouse, created=made, expires=until)
    found = follow(wheelhouse, keys=key or (), since=since, targets=target or ())
    name = f"{found.channel}-{found.sequence}{'-delta' if since else ''}.tar"
    output = Path(name) if to is None else to / name if to.is_dir() else to
    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        done = write(
            wheelhouse,
            output,
            keys=key or (),
            since=since,
            targets=target or (),
            volume_size=bytes_of(volume_size) if volume_size else None,
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
