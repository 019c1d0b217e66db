"""What resolvers read and write: requirements files, and pins annotated with ``# via``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.requirement import parse_requirement
from wheelyard.io import files
from wheelyard.resolve import metadata as core
from wheelyard.resolve.model import Pin, Question
from wheelyard.resolve.overrides import Overrides
from wheelyard.targets.environment import environment

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^\]]*)\])?==(?P<version>[^\s;\\]+)")
OUTPUT = "pins.txt"
_NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFiles:
    """The files that a question became, by their names in the scratch folder."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    origins: Mapping[str, str]
    """``-r 0.in`` to ``-r requirements/demo.in``."""


def write_question(question: Question, folder: Path) -> QuestionFiles:
    """Write a question's lines, without those whose marker is false on the target, and its preferences.

    :raises ConfigError: if a line is not a requirement.
    """
    origins: dict[str, str] = {}

    def put(sources: Mapping[str, Sequence[str]], option: str, suffix: str) -> Iterator[str]:
        for number, (origin, lines) in enumerate(sources.items()):
            name = f"{number}{suffix}"
            kept = lines_on_target(lines, environment(question.target), origin=origin, overrides=question.overrides)
            files.write(folder / name, "".join(f"{line}\n" for line in kept), sync=False)
            origins[f"{option} {name}"] = origin if origin.startswith("-") else f"{option} {origin}"
            yield name

    requirements = tuple(put(question.requirements, "-r", ".in"))
    constraints = tuple(put(question.constraints, "-c", ".constraints"))
    if question.preferences:
        lines = "".join(f"{name}=={version}\n" for name, version in sorted(question.preferences.items()))
        files.write(folder / OUTPUT, lines, sync=False)
    return QuestionFiles(requirements=requirements, constraints=constraints, origins=origins)


def lines_on_target(
    lines: Iterable[str], variables: Mapping[str, str], *, origin: str, overrides: Overrides = _NO_OVERRIDES
) -> Iterator[str]:
    """Yield the lines whose marker holds, without the marker; what stands in for a line is taken instead.

    :raises ConfigError: if a line is not a requirement.
    """
    for line in lines:
        try:
            requirements = [parse_requirement(each) for each in overrides.applied(line)]
        except InvalidRequirement as error:
            raise ConfigError(
                f"not a requirement: {line} ({str(error).splitlines()[0]})",
                where=origin,
                hint="write it like `name>=1.0`, as PEP 508 says",
            ) from error
        for requirement in requirements:
            marker: Marker | None = requirement.marker
            if marker is None or core.holds(marker, variables):
                requirement.marker = None
                yield str(requirement)


def read_pins(text: str, origins: Mapping[str, str]) -> tuple[Pin, ...]:
    """Read pins and their annotations (pip-compile's split style) in order of name."""
    pins: list[Pin] = []
    for line in text.splitlines():
        if match := _PIN.match(line):
            extras = (extra.strip() for extra in (match["extras"] or "").split(","))
            pins.append(
                Pin(
                    name=canonicalize_name(match["name"]),
                    version=match["version"],
                    extras=tuple(sorted(extra for extra in extras if extra)),
                )
            )
        elif pins and line.startswith("    #"):
            said = line.strip().removeprefix("#").strip()
            said = said.removeprefix("via").strip() if said.split(" ")[0] == "via" else said
            if said:
                pins[-1] = _with_via(pins[-1], _requirer(said, origins))
    return tuple(sorted(pins, key=lambda pin: pin.name))


def _requirer(said: str, origins: Mapping[str, str]) -> str:
    """Return who asked, in our words: a normalised project name, or a file of the user's."""
    said = re.sub(r" \(line \d+\)$", "", said)
    if said.startswith("-"):
        return origins.get(said, said)
    return canonicalize_name(said.partition("[")[0])


def _with_via(pin: Pin, requirer: str) -> Pin:
    via = tuple(sorted({*pin.via, requirer}))
    return Pin(name=pin.name, version=pin.version, extras=pin.extras, via=via)


def clean_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a resolver: nothing of the user's (``UV_*``, ``PIP_*``, proxies) reaches it."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "XDG_CONFIG_HOME": str(scratch),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "NO_PROXY": "*",
    }
