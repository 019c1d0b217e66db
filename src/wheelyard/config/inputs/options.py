"""The options that pip allows in a requirements file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from wheelyard.config.inputs.syntax import SyntaxProblem
from wheelyard.schema.problems import nearest

_WITH_VALUE = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
    "--pypi-url": "--index-url",
}
_LONG_WITH_VALUE = (
    "--requirement",
    "--constraint",
    "--editable",
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "--trusted-host",
    "--only-binary",
    "--no-binary",
    "--use-feature",
)
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_REQUIREMENT_OPTIONS = ("--hash", "--config-settings", "-C", "--config-setting")
_REFUSED = {"--global-option", "--install-option"}


@dataclass(frozen=True, slots=True)
class RequirementOptions:
    """The options behind one requirement."""

    hashes: tuple[str, ...]
    config_settings: dict[str, str]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SyntaxProblem(str(error).lower(), "close the quotation mark") from error


def of_file(text: str) -> tuple[str, str]:
    """Return the long name and the value (empty for a flag) of an option that stands on its own line.

    :raises SyntaxProblem: if pip knows no such option here, or a value is missing or too many.
    """
    words = _words(text)
    name, separator, value = words[0].partition("=")
    if not name.startswith("--") and len(name) > 2:  # -rfile.txt
        name, separator, value = name[:2], "=", words[0][2:].removeprefix("=")
    name = _WITH_VALUE.get(name, name)
    if name in _FLAGS:
        if separator or len(words) > 1:
            raise SyntaxProblem(f"{name} takes no value", "write each option on a line of its own")
        return name, ""
    if name not in _LONG_WITH_VALUE:
        raise SyntaxProblem(f"unknown option {name}", nearest(name, (*_LONG_WITH_VALUE, *_FLAGS, *_WITH_VALUE)))
    rest = words[1:]
    if not separator and rest:
        value, rest = rest[0], rest[1:]
    if not value:
        raise SyntaxProblem(f"{name} wants a value", f"write: {name} VALUE")
    if rest:
        raise SyntaxProblem(f"too much behind {name}", "write each option on a line of its own; quote a blank")
    return name, value


def of_requirement(text: str) -> RequirementOptions:
    """Return the options behind a requirement.

    :raises SyntaxProblem: if pip knows no such option here.
    """
    hashes: list[str] = []
    settings: dict[str, str] = {}
    words = _words(text)
    while words:
        name, separator, value = words.pop(0).partition("=")
        if name in _REFUSED:
            raise SyntaxProblem(f"{name} is gone from pip", "use config-settings of [packages.NAME] in wheelyard.toml")
        if name not in _REQUIREMENT_OPTIONS:
            raise SyntaxProblem(f"unknown option {name} behind a requirement", nearest(name, _REQUIREMENT_OPTIONS))
        if not separator:
            if not words:
                raise SyntaxProblem(f"{name} wants a value", f"write: {name}=VALUE")
            value = words.pop(0)
        if name == "--hash":
            hashes.append(value)
        else:
            key, _, setting = value.partition("=")
            settings[key] = setting
    return RequirementOptions(tuple(hashes), settings)
