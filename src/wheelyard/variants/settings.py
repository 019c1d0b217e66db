"""What a build is given: environment variables and PEP 517 config settings, with words in braces to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

import msgspec
from msgspec import Meta

from wheelyard.domain.build import Recipe
from wheelyard.schema.tables import Setting, Table, Variables

_WORD = re.compile(r"\{([a-z0-9-]+)\}")
_JOINED = frozenset({"CFLAGS", "CXXFLAGS", "FFLAGS", "LDFLAGS", "RUSTFLAGS"})
"""Variables that hold lists: what a package rule says is kept before what the variant adds."""


class SettingsTable(Table, frozen=True):
    """What a build is given, with words in braces to fill in."""

    environment: Annotated[
        Variables, Meta(description="environment variables", extra={"example": '{ CFLAGS = "{cflags}" }'})
    ] = msgspec.field(default_factory=dict)
    config_settings: Annotated[
        dict[str, Setting],
        Meta(description="settings for the build backend", extra={"example": '{ setup-args = ["-Dblas={blas}"] }'}),
    ] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same as a value."""

    environment: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


def settings_of(table: SettingsTable | None) -> Settings | None:
    """Return what a table says; None where there is none."""
    if table is None:
        return None
    environment = {name: str(value) for name, value in table.environment.items()}
    return Settings(environment=environment, config_settings=table.config_settings)


def merge(base: Recipe, parts: Iterable[Settings], words: Mapping[str, str]) -> Recipe:
    """Return a recipe with settings added, their words filled in."""
    environment = dict(base.environment)
    config: dict[str, str | tuple[str, ...]] = dict(base.config_settings)
    for part in parts:
        for name, text in part.environment.items():
            filled = fill(text, words)
            before = environment.get(name, "") if name in _JOINED else ""
            environment[name] = f"{before} {filled}".strip()
        for name, value in part.config_settings.items():
            if isinstance(value, str):
                config[name] = fill(value, words)
            else:
                given = config.get(name, ())
                kept = (given,) if isinstance(given, str) else given
                config[name] = (*kept, *(fill(item, words) for item in value))
    return replace(base, environment=environment, config_settings=config)


def fill(text: str, words: Mapping[str, str]) -> str:
    """Fill in the words in braces; what is not a word of ours stays."""
    return _WORD.sub(lambda match: words.get(match[1], match[0]), text)
