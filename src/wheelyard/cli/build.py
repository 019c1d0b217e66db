"""``wheelyard build``: the main job, from requirements to a wheelhouse."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli.choosing import Source, Targets, Upgrade, UpgradePackages
from wheelyard.cli.foretell import foretell
from wheelyard.cli.grace import Grace
from wheelyard.cli.output import counted, human_bytes, say_json, show
from wheelyard.cli.reporters import reporter
from wheelyard.domain.errors import together
from wheelyard.domain.site import GRACE

if TYPE_CHECKING:
    from wheelyard.domain.proof import Proof
    from wheelyard.domain.site import Folder
    from wheelyard.stages.main_job import BuildOutcome


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("build")(build)


def build(
    source: Source = Path("wheelyard.toml"),
    into: Annotated[Path | None, typer.Option(help="Write the wheelhouse there instead.", show_default=False)] = None,
    target: Targets = None,
    upgrade: Upgrade = False,
    upgrade_package: UpgradePackages = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Builds at a time; 0: one per CPU.")] = 0,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first build that fails.")] = False,
    prove: Annotated[bool, typer.Option("--prove/--no-prove", help="Install and import every target's folder.")] = True,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Publish nothing if one target fails, instead of the others.")
    ] = False,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign with, or its .pub if an agent has it (repeatable)."),
    ] = None,
    grace: Grace = GRACE,
    timings: Annotated[
        bool, typer.Option("--timings", help="Say on the pages how long builds took (no longer the same bytes).")
    ] = False,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to build where the network cannot be cut.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be fetched, compiled and proven, and what is missing."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Lock, fetch, build, repair, prove and index: everything that every target needs, in one folder."""
    from packaging.utils import canonicalize_name

    from wheelyard.config.load import load
    from wheelyard.stages import main_job
    from wheelyard.stages.options import Options

    config = load(source)
    settings = dataclasses.replace(
        config.build, jobs=jobs or config.build.jobs, require_sandbox=require_sandbox or config.build.require_sandbox
    )
    config = dataclasses.replace(config, build=settings, wheelhouse=(into or config.wheelhouse).absolute())
    if target:
        config = main_job.only_targets(config, tuple(target))
    options = Options(
        upgrade=upgrade,
        upgrade_packages=frozenset(map(canonicalize_name, upgrade_package or ())),
        fail_fast=fail_fast,
        prove=prove,
        all_or_nothing=all_or_nothing,
        keys=tuple(key or ()),
        grace=grace,
        timings=timings,
    )
    if dry_run:
        return foretell(config, options, quiet=quiet, as_json=as_json)
    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        outcome = main_job.build(config, options, report=report)
    if as_json:
        say_json(summary(outcome))
    elif not quiet:
        show_outcome(outcome)
    if outcome.withheld:
        raise together(error for errors in outcome.withheld.values() for error in errors)
    return 0


def summary(outcome: BuildOutcome) -> dict[str, object]:
    """Return the last JSON line of a run."""
    return {
        "event": "summary",
        "wheelhouse": str(outcome.wheelhouse),
        "fetched": outcome.fetched,
        "fetched_bytes": outcome.fetched_bytes,
        "built": outcome.built,
        "reused": outcome.reused,
        "published": dataclasses.asdict(outcome.published),
        "seconds": round(outcome.seconds, 3),
        "targets": [
            {
                "name": folder.name,
                "packages": len(folder.entries),
                "bytes": sum(entry.wheel.size for entry in folder.entries),
                "proof": folder.proof.outcome,
                "reason": folder.proof.reason,
                "told": list(folder.proof.told),
                "commands": commands(folder, outcome.wheelhouse),
            }
            for folder in outcome.folders
        ],
        "withheld": [
            {"name": name, "kept": name in outcome.kept, "reasons": [str(error) for error in errors]}
            for name, errors in outcome.withheld.items()
        ],
    }


def show_outcome(outcome: BuildOutcome) -> None:
    """Print what a run came to, and what to type on the host."""
    width = max(len(name) for name in (*outcome.withheld, *(folder.name for folder in outcome.folders)))
    for folder in outcome.folders:
        size = human_bytes(sum(entry.wheel.size for entry in folder.entries))
        colour = {"proven": "green", "failed": "red"}.get(folder.proof.outcome, "yellow")
        show(f"{folder.name:<{width}}  {counted(len(folder.entries), 'package')}, {size}: ", end="")
        show(_proof(folder.proof), style=colour)
        if folder.proof.told:
            show(f"{'':<{width}}  installed; these modules ask for what the lock does not have:")
        for remark in folder.proof.told:
            show(f"{'':<{width}}    {remark}")
        for entry in folder.entries:
            if entry.origin == "built":
                show(f"{'':<{width}}  compiled {entry.wheel.filename}")
    for name in outcome.withheld:
        rest = "the folder that was published before stays" if name in outcome.kept else "it has no folder"
        show(f"{name:<{width}}  withheld: {rest}", style="red")
    done = outcome.published
    show(
        f"\nfetched {counted(outcome.fetched, 'file')} ({human_bytes(outcome.fetched_bytes)}); "
        f"built {counted(outcome.built, 'wheel')}, ",
        end="",
    )
    show(f"{outcome.reused} {'was' if outcome.reused == 1 else 'were'} built before; {outcome.seconds:.1f} s")
    show(f"wheelhouse: generation {done.generation}; {counted(done.added, 'file')} added, ", end="")
    show(f"{done.restored} put back, {done.removed} removed, {done.unchanged} left as they were")
    show("\nOn the host, without a network:")
    for folder in outcome.folders:
        for command in commands(folder, shown(outcome.wheelhouse)):
            show(f"  {command}")


def _proof(proof: Proof) -> str:
    if proof.outcome != "proven":
        return f"not proven: {proof.reason}"
    return f"proven on Python {proof.python} with pip {proof.pip}: {counted(proof.imported, 'module')} imported"


def shown(path: Path) -> Path:
    """Return a path as a person here would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def commands(folder: Folder, wheelhouse: Path) -> tuple[str, ...]:
    """Return what to type on a host that has the wheelhouse at this place."""
    from wheelyard.targets import commands

    return commands.lines(commands.install(commands.route(folder), commands.Access(root=str(wheelhouse))))
