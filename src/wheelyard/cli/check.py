"""``wheelyard check``: is every file what the manifest says, and is that signed by whom it should be?

Of a wheel or an sdist: is it whole, and the same to every installer?
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli import trust as trusting
from wheelyard.cli.output import say, say_json
from wheelyard.domain.errors import WheelError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("check")(check)


def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|BUNDLE|FILE...", help="A wheelhouse, an import folder, a bundle; or wheels and sdists."
        ),
    ],
    repair: Annotated[
        list[Path] | None, typer.Option(metavar="BUNDLE", help="Heal DIR from this bundle (all volumes: repeat).")
    ] = None,
    trust: trusting.Trust = None,
    revoked: trusting.Revoked = None,
    threshold: trusting.Threshold = None,
    allow_unsigned: trusting.AllowUnsigned = False,
    allow_expired: trusting.AllowExpired = False,
    allow_wrong_clock: trusting.AllowWrongClock = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Read everything and name each fault."""
    from wheelyard.bundle import import_
    from wheelyard.bundle.given import need_path
    from wheelyard.stages.distribution import is_distribution

    for path in (*paths, *(repair or ())):
        need_path(path)

    if all(is_distribution(path) for path in paths):
        return _distributions(paths, as_json=as_json)
    options = trusting.options(
        trust,
        revoked,
        threshold,
        unsigned=allow_unsigned,
        expired=allow_expired,
        wrong_clock=allow_wrong_clock,
    )
    if repair:
        for path in import_.repair(paths[0], repair, options):
            say(f"healed: {path}")
    found = import_.examine(paths, options)
    for fault in found.faults:
        if as_json:
            say_json(fault._asdict())
        else:
            say(f"{fault.name}: {fault.path}: {fault.message}")
    if not as_json:
        if found.taken:
            say(f"a delta: {found.taken} files are not in it, and must be published where it goes")
        signature = (
            "the signature is good" if found.looked else "the signature was not looked at: no key is known (--trust)"
        )
        count = f"{len(found.faults)} fault{'s' if len(found.faults) > 1 else ''}"
        words = count if found.faults else f"every file is what the manifest says; {signature}"
        say(words)
    return found.exit_code


def _distributions(paths: list[Path], *, as_json: bool) -> int:
    from wheelyard.stages.distribution import faults

    found = faults(paths)
    for error in found:
        if as_json:
            say_json({"name": "wheel", "path": error.where, "message": error.message})
        else:
            say(str(error))
    if not as_json:
        say(f"{len(paths) - len(found)} of {len(paths)} files are whole, and the same to every installer")
    return WheelError.exit_code if found else 0
