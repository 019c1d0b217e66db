"""Reading a TOML file of the user's."""

from __future__ import annotations

import tomllib
from pathlib import Path

from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import read_text


def read_toml(path: Path, name: str) -> dict[str, object]:
    """Read a TOML file.

    :param name: what messages call it.
    :raises ConfigError: if it is not there, or is no TOML: with its line.
    """
    try:
        return tomllib.loads(read_text(path, name))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=name, hint="correct the line that is named") from error
