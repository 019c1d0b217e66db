"""What a shell is offered at TAB: targets, presets, folders and packages, by ``wheelyard --install-completion``.

Not a command. A half-written configuration is no reason to disturb who is typing: what cannot be read offers nothing,
without a word. Only files that lie here are looked at, and nothing of ours that takes time is imported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

Completer = Callable[[typer.Context, str], list[str]]

_LOCKED = re.compile(r'^\[\[packages\]\]\nname = "([A-Za-z0-9._-]+)"$', re.MULTILINE)


def _quietly(names: Callable[[typer.Context], Iterable[str]]) -> Completer:
    """Return what offers those of the names that go on as what was typed; nothing where they cannot be had."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            offered = dict.fromkeys(names(context))
        except Exception:  # a traceback in the middle of a command line helps nobody
            return []
        return [name for name in offered if name.startswith(incomplete)]

    return complete


def _presets() -> tuple[str, ...]:
    from wheelyard.targets import presets

    return tuple(presets.names())


def _given(context: typer.Context, name: str, default: str) -> Path:
    """Return a path of the line: an argument, which is not told from others while a line is completed, or an option."""
    typed = next((text for text in context.args if Path(text).exists()), None)
    return Path(typed or context.params.get(name) or default)


def _source(context: typer.Context) -> Path:
    return _given(context, "source", "wheelyard.toml")


def _targets(context: typer.Context) -> list[str]:
    """Return the names of a configuration's targets; none of a requirements file or of what is damaged."""
    try:
        content: dict[str, Any] = tomllib.loads(_source(context).read_text("utf-8"))
        return [str(table.get("name") or table["preset"]) for table in content.get("target", ())]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


@_quietly
def presets(context: typer.Context) -> Iterable[str]:  # noqa: ARG001  (a completer's signature)
    """Offer the presets."""
    return _presets()


@_quietly
def targets(context: typer.Context) -> Iterable[str]:
    """Offer the configuration's targets."""
    return _targets(context)


@_quietly
def targets_and_presets(context: typer.Context) -> Iterable[str]:
    """Offer the configuration's targets, then all presets."""
    return (*_targets(context), *_presets())


@_quietly
def folders(context: typer.Context) -> Iterable[str]:
    """Offer the folders of a wheelhouse."""
    wheelhouse = _given(context, "wheelhouse", "wheelhouse")
    return sorted(path.name for path in (wheelhouse / "targets").iterdir() if path.is_dir())


@_quietly
def packages(context: typer.Context) -> Iterable[str]:
    """Offer the packages of the locks beside the configuration."""
    locks = sorted(_source(context).absolute().parent.glob("pylock.*.toml"))
    return sorted({name for lock in locks for name in _LOCKED.findall(lock.read_text("utf-8", "replace"))})
