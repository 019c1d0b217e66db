"""Core metadata, and what is left of it on one target: every marker evaluated, nothing for a resolver to guess."""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ResolutionError


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The fields of a METADATA or PKG-INFO that dependency resolution needs."""

    name: str
    """As it is spelled there."""
    version: str
    metadata_version: str = "1.0"
    requires_python: str | None = None
    requires: tuple[str, ...] = ()
    """``Requires-Dist``, as written."""
    extras: tuple[str, ...] = ()
    """``Provides-Extra``, as written: old pips compare extras letter by letter."""
    dynamic: frozenset[str] = frozenset()
    """``Dynamic`` (PEP 643), in lower case: fields of an sdist that its build may still change."""


def parse(content: bytes) -> CoreMetadata:
    """Read the header fields; the long description behind them is not looked at."""
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    message = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(text.partition("\n\n")[0])

    def every(field: str) -> tuple[str, ...]:
        return tuple(" ".join(str(value).split()) for value in message.get_all(field, []))

    def one(field: str) -> str:
        return next(iter(every(field)), "")

    return CoreMetadata(
        name=one("Name"),
        version=one("Version"),
        metadata_version=one("Metadata-Version") or "1.0",
        requires_python=one("Requires-Python") or None,
        requires=every("Requires-Dist"),
        extras=every("Provides-Extra"),
        dynamic=frozenset(field.lower() for field in every("Dynamic")),
    )


def requirements_on_target(
    metadata: CoreMetadata, environment: Mapping[str, str], *, direct: Container[str] = ()
) -> Iterator[str]:
    """Yield the requirements that hold in a marker environment, with no marker left but ``extra == "…"``.

    A line that PEP 508 does not allow is passed on as it is, for the resolver to refuse that version.

    :param direct: normalised names that the user requires by URL or path: a dependency's own URL gives way to these.
    :raises ResolutionError: if a dependency is asked for by URL, which no index can answer.
    """
    for line in metadata.requires:
        try:
            plain, marker, url = _split(line)
        except InvalidRequirement:
            yield line
            continue
        if url and canonicalize_name(Requirement(line).name) not in direct:
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


def holds(marker: Marker, environment: Mapping[str, str], *, extra: str = "") -> bool:
    """Whether a marker is true in an environment, for one extra or for none."""
    return marker.evaluate({**environment, "extra": extra})


@lru_cache(maxsize=1 << 16)
def _split(line: str) -> tuple[str, Marker | None, str | None]:
    """Return the requirement without marker and URL, the marker and the URL."""
    requirement = Requirement(line)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}", requirement.marker, requirement.url


@lru_cache(maxsize=1 << 14)
def python_fits(requires_python: str | None, python_full: str) -> bool:
    """Whether a Python version satisfies ``Requires-Python``; a specifier that cannot be read excludes nothing."""
    if not requires_python:
        return True
    try:
        return SpecifierSet(requires_python).contains(python_full, prereleases=True)
    except InvalidSpecifier:
        return True


def render(name: str, version: str, *, requires: Iterable[str], extras: tuple[str, ...], possible: bool) -> bytes:
    """Return the METADATA of the synthetic wheel that stands for a version on one target.

    :param possible: False where the metadata's own ``Requires-Python`` rules the target out.
    """
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [] if possible else ["Requires-Python: >=99"]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {line}" for line in requires]
    return ("\n".join(lines) + "\n").encode()
