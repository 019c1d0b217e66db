"""What ``wheelyard build --dry-run`` prints.

Not a command.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from wheelyard.cli.live import clock
from wheelyard.cli.output import counted, human_bytes, say_json, show
from wheelyard.cli.reporters import reporter

if TYPE_CHECKING:
    from wheelyard.config.model import Config
    from wheelyard.stages.forecast import Forecast, ForecastBuild, ForecastChange, ForecastFolder
    from wheelyard.stages.options import Options


def foretell(config: Config, options: Options, *, quiet: bool, as_json: bool) -> int:
    """Say what a build would do, and do none of it.

    :raises WheelyardError: what would keep a folder from being published.
    """
    from wheelyard.domain.errors import together
    from wheelyard.stages.forecast import forecast

    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        found = forecast(config, options, report=report)
    if as_json:
        withheld = [{"name": name, "reasons": [str(error) for error in all_]} for name, all_ in found.withheld.items()]
        # Errors are no dataclasses: they are told by what they say.
        plain = dataclasses.asdict(dataclasses.replace(found, withheld={}))
        say_json({"event": "summary", "dry_run": True, **plain, "withheld": withheld})
    elif not quiet:
        _show(found)
    if found.withheld:
        raise together(error for errors in found.withheld.values() for error in errors)
    return 0


def _show(found: Forecast) -> None:
    show("Nothing was built or published: this is what `wheelyard build` would do.")
    for folder in found.folders:
        _show_folder(folder)
    for name in found.withheld:
        show(f"{name}: cannot be told, or would be withheld: see the error below", style="red")
    _show_fetching(found)
    if found.builds or found.reused:
        told = [build.seconds for build in found.builds if build.seconds is not None]
        times = f", {clock(sum(told))} of work by earlier builds" if told else ""
        show(f"\ncompile  {counted(len(found.builds), 'wheel')}{times}; {found.reused} built before, in the store")
    for build in found.builds:
        _show_build(build)
    show("\nprove")
    for folder in found.folders:
        show(f"  {folder.name}: ", end="")
        show(("" if folder.proven else "not proven: ") + folder.proof, style=None if folder.proven else "yellow")
    if found.lacks:
        show("\nmissing here")
    for finding in found.lacks:
        show(f"  {finding.name}: {finding.detail}", style="red" if finding.status == "missing" else "yellow")
        show(f"      for: {finding.purpose}" + (f"; {finding.advice}" if finding.advice else ""))
    if found.lacks:
        show("  `wheelyard doctor` with the same file names the packages to install")


def _show_fetching(found: Forecast) -> None:
    more = f" and {counted(found.unsized, 'file')} of unknown size" if found.unsized else ""
    stored = f"{counted(found.stored, 'file')} ({human_bytes(found.stored_bytes)})"
    show(f"\nfetch    {counted(found.files, 'file')} ({human_bytes(found.bytes)}{more}); {stored} in the store already")


def _show_folder(folder: ForecastFolder) -> None:
    compiled = f", {folder.compiled} of them compiled" if folder.compiled else ""
    changes = counted(len(folder.changes), "change") if folder.changes else "no version changes"
    state = "a new folder" if folder.is_new else changes
    show(f"\n{folder.name}  {counted(folder.packages, 'package')}{compiled}: {state}")
    for change in folder.changes:
        show(f"  {_change(change)}")


def _change(change: ForecastChange) -> str:
    if change.before is None:
        return f"{change.name} {change.after} comes"
    if change.after is None:
        return f"{change.name} {change.before} leaves"
    return f"{change.name} {change.before} -> {change.after}"


def _show_build(build: ForecastBuild) -> None:
    size = f" ({human_bytes(build.size)})" if build.size is not None else ""
    about = f", {clock(build.seconds)} last time" if build.seconds is not None else ""
    chosen = "".join(f", {axis}={choice}" for axis, choice in build.variant.items())
    show(f"  {build.package} {build.version}{chosen}  for {', '.join(build.folders)}{about}")
    show(f"      from {build.sdist}{size}, {build.source}")
    show(f"      by {build.toolchain}")
