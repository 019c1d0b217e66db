"""Putting in place what is staged, in an order that never shows a page before what it links to; and removing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from wheelyard.index.existing import Ground
from wheelyard.index.layout import FILES, SIMPLE, TARGETS
from wheelyard.index.staging import Staging
from wheelyard.io import exchange


def everything(staging: Staging, exchanged: list[str]) -> None:
    """Put everything staged in place: what is linked to before what links to it."""
    whole = tuple(f"{TARGETS}/{name}/" for name in exchanged)
    by_rank: dict[int, list[str]] = {0: [], 1: [], 2: [], 3: []}
    for path in staging.written:
        if not path.startswith(whole):
            by_rank[_rank(path)].append(path)
    for name in (FILES, SIMPLE, TARGETS):
        (staging.into / name).mkdir(exist_ok=True)
    _move(by_rank[0], staging)
    for name in exchanged:
        live = staging.into / TARGETS / name
        if live.exists():
            exchange.exchange(staging.root / TARGETS / name, live)
        else:
            (staging.root / TARGETS / name).rename(live)
    _move(by_rank[1], staging)
    _move_folders(by_rank[2], staging)
    _move(by_rank[3], staging)


def _rank(path: str) -> int:
    top, _, rest = path.partition("/")
    if top in (FILES, TARGETS):
        return 0 if top == FILES else 1
    # 3: the pages above all others, simple/index.* and index.html among them
    return 2 if "/" in rest or (rest and top != SIMPLE) else 3


def _move(paths: list[str], staging: Staging) -> None:
    for path in paths:
        _rename(path, staging)


def _move_folders(paths: list[str], staging: Staging) -> None:
    """Put pages in place; a folder that is new (a project's) comes whole, in one step."""
    fresh: dict[str, bool] = {}
    for path in paths:
        folder = path[: path.rfind("/")]
        if folder not in fresh:
            fresh[folder] = not os.path.lexists(staging.into / folder)
            if fresh[folder]:
                _rename(folder, staging)
        if not fresh[folder]:
            _rename(path, staging)


def _rename(path: str, staging: Staging) -> None:
    source, destination = f"{staging.root}/{path}", f"{staging.into}/{path}"
    try:
        os.replace(source, destination)  # noqa: PTH105  (ten thousand times)
    except FileNotFoundError:
        Path(destination).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, destination)  # noqa: PTH105


def remove(gone: list[str], folders: set[str], ground: Ground, staging: Staging) -> None:
    """Remove what the site has no more; the folder of a target vanishes in one step."""
    parents = set()
    for path in gone:
        top, _, rest = path.partition("/")
        name = rest.partition("/")[0]
        if top == TARGETS and "/" in rest and name not in folders:
            with contextlib.suppress(FileNotFoundError):
                (ground.into / TARGETS / name).rename(staging.root / f"gone-{name}")
            continue
        (ground.into / path).unlink(missing_ok=True)
        parents.add((ground.into / path).parent)
    for parent in sorted(parents, key=lambda each: -len(each.parts)):
        while parent != ground.into and parent.name not in (FILES, SIMPLE, TARGETS):
            try:
                parent.rmdir()
            except OSError:  # something is in it still
                break
            parent = parent.parent
