"""``wheelyard lock``: exact versions, files and hashes for every target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli.choosing import Source, Targets, Upgrade, UpgradePackages
from wheelyard.cli.output import counted, say, say_json
from wheelyard.cli.reporters import reporter

if TYPE_CHECKING:
    from wheelyard.domain.lock import Lock


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lock")(lock)


def lock(
    source: Source = Path("wheelyard.toml"),
    target: Targets = None,
    upgrade: Upgrade = False,
    upgrade_package: UpgradePackages = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Choose exact versions and files for every target, and write pylock.TARGET.toml and requirements.TARGET.txt."""
    from wheelyard.config.load import load
    from wheelyard.stages import main_job
    from wheelyard.stages.locking import lock as lock_targets

    config = load(source)
    if target:
        config = main_job.only_targets(config, tuple(target))
    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        locks = lock_targets(config, upgrade=upgrade, upgrade_packages=upgrade_package or (), report=report)
    if as_json:
        say_json(_summary(locks))
    elif not quiet:
        for target_lock in locks.values():
            say(_line(target_lock))
    return 0


def _builds(lock: Lock) -> int:
    return sum(package.how == "build" for package in lock.packages)


def _summary(locks: dict[str, Lock]) -> dict[str, object]:
    return {
        "event": "summary",
        "targets": [
            {
                "name": target_lock.target,
                "packages": len(target_lock.packages),
                "builds": _builds(target_lock),
                "pip": target_lock.pip.version if target_lock.pip else None,
                "lock": f"pylock.{target_lock.target}.toml",
            }
            for target_lock in locks.values()
        ],
    }


def _line(lock: Lock) -> str:
    parts = [counted(len(lock.packages), "package")]
    if builds := _builds(lock):
        parts.append(f"{builds} to build from source")
    if lock.pip:
        parts.append(f"pip {lock.pip.version} to carry")
    return f"{lock.target}: {', '.join(parts)} (pylock.{lock.target}.toml, requirements.{lock.target}.txt)"
