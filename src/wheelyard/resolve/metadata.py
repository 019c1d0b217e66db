"""What is left of core metadata on one target: every marker evaluated, nothing for a resolver to guess."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ResolutionError
from wheelyard.domain.requirement import parse_requirement
from wheelyard.resolve.overrides import Overrides
from wheelyard.wheels.core_metadata import CoreMetadata

_NO_OVERRIDES = Overrides()


def requirements_on_target(
    metadata: CoreMetadata,
    environment: Mapping[str, str],
    *,
    direct: Container[str] = (),
    overrides: Overrides = _NO_OVERRIDES,
) -> Iterator[str]:
    """Yield the requirements that hold in a marker environment, with no marker left but ``extra == "…"``.

    A line that PEP 508 does not allow is passed on as it is, for the resolver to refuse that version.

    :param direct: normalised names that the user requires by URL or path: a dependency's own URL gives way to these.
    :param overrides: what stands in for some dependencies.
    :raises ResolutionError: if a dependency is asked for by URL, which no index can answer.
    """
    for line in _overridden(metadata.requires, overrides):
        try:
            plain, marker, url = _split(line)
        except InvalidRequirement:
            yield line
            continue
        if url and canonicalize_name(parse_requirement(line).name) not in direct:
            raise ResolutionError(
                f"asks for a file by its URL ({plain} @ {url}), which you have to require yourself",
                where=f"{metadata.name} {metadata.version}",
            )
        if marker is None or holds(marker, environment):
            yield plain
        elif "extra" in str(marker):
            for extra in metadata.extras:
                if holds(marker, environment, extra=extra):
                    yield f'{plain} ; extra == "{extra}"'


def _overridden(lines: Iterable[str], overrides: Overrides) -> Iterator[str]:
    for line in lines:
        try:
            yield from overrides.applied(line) if overrides else (line,)
        except InvalidRequirement:
            yield line


def holds(marker: Marker, environment: Mapping[str, str], *, extra: str = "") -> bool:
    """Whether a marker is true in an environment, for one extra or for none."""
    return marker.evaluate({**environment, "extra": extra})


@lru_cache(maxsize=1 << 16)
def _split(line: str) -> tuple[str, Marker | None, str | None]:
    """Return the requirement without marker and URL, the marker and the URL."""
    requirement = parse_requirement(line)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}", requirement.marker, requirement.url


@lru_cache(maxsize=1 << 14)
def python_refusal(requires_python: str | None, python_full: str) -> str:
    """Return why a Python does not fit; where another patch release would, what was taken for the target's."""
    python = ".".join(python_full.split(".")[:2])
    refusal = f"needs Python {requires_python}"
    if any(python_fits(requires_python, f"{python}.{patch}") for patch in range(60)):
        refusal += f' (the target\'s is taken to be {python_full}: write python = "{python}.Z" if it is another)'
    return refusal


def python_fits(requires_python: str | None, python_full: str) -> bool:
    """Whether a Python version satisfies ``Requires-Python``; a specifier that cannot be read excludes nothing."""
    if not requires_python:
        return True
    try:
        return SpecifierSet(requires_python).contains(python_full, prereleases=True)
    except InvalidSpecifier:
        return True


def standard_specifier(requires_python: str | None) -> str | None:
    """Return ``Requires-Python`` as the standard spells it; None where there is none, or it cannot be read."""
    try:
        return str(SpecifierSet(requires_python)) if requires_python else None
    except InvalidSpecifier:
        return None


def render(name: str, version: str, *, requires: Iterable[str], extras: tuple[str, ...], possible: bool) -> bytes:
    """Return the METADATA of the synthetic wheel that stands for a version on one target.

    :param possible: False where the metadata's own ``Requires-Python`` rules the target out.
    """
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [] if possible else ["Requires-Python: >=99"]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {line}" for line in requires]
    return ("\n".join(lines) + "\n").encode()
