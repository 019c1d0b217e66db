"""``wheelyard report``: the papers that somebody has to approve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wheelyard.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report")(report)


def report(
    wheelhouse: Annotated[Path, typer.Argument(help="The wheelhouse.")] = Path("wheelhouse"),
    osv: Annotated[
        Path | None, typer.Option(metavar="EXPORT", help="OSV export of known vulnerabilities: zip, folder or JSON.")
    ] = None,
    since: Annotated[Path | None, typer.Option(help="Earlier bundle, wheelhouse or manifest to compare with.")] = None,
) -> int:
    """Write sbom.cdx.json, licenses.html and report.html into a wheelhouse. Do it before you pack and sign."""
    from wheelyard.bundle.given import need_side, need_wheelhouse
    from wheelyard.report import papers

    need_wheelhouse(wheelhouse)
    if since:
        need_side(since)

    done = papers.write(wheelhouse, osv=osv, since=since)
    found = done.vulnerabilities
    say(f"{wheelhouse / papers.REPORT}: {done.components} distributions")
    if done.unknown_licenses:
        say(f"licences: {done.unknown_licenses} unknown")
    if not found.looked:
        say("vulnerabilities: NOT CHECKED (give --osv EXPORT)")
    else:
        say(f"vulnerabilities: {len(found.found)} known to {found.database} of {found.dated}")
    return 0
