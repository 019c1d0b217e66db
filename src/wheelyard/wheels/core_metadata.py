"""Core metadata (PEP 566 and what came after it): the headers of a METADATA or PKG-INFO as a frozen value.

Everything that reads such a file reads it here, and so no two pages or stages can understand one differently. What is
odd is passed on or left out, never refused: whether metadata may be used is asked in ``metadata_check``.
"""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from wheelyard.domain.requirement import parse_requirement

_END = re.compile(r"\n\n")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']""")
_BAR = re.compile(r"(?m)^(?: {7}\|| {8})")
_UNKNOWN = "UNKNOWN"
"""What old setuptools wrote into a field that nobody had filled in."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields (RFC 822) by name in lower case, in the order in which they are written; also those of WHEEL."""

    fields: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """Return the value of a field on one line, the first one's; empty where it is not there."""
        return next(iter(self.every(name)), "")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, each on one line."""
        return tuple(" ".join(value.split()) for value in self.raw(name))

    def raw(self, name: str) -> tuple[str, ...]:
        """Return all values of a field as they are folded."""
        return self.fields.get(name.lower(), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The fields of a METADATA or PKG-INFO that anything here asks for. They come from strangers."""

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
    summary: str = ""
    license_expression: str = ""
    license: str = ""
    """The words of the older field ``License``, which may be a whole text of several lines."""
    classifiers: tuple[str, ...] = ()
    home_page: str = ""
    project_urls: tuple[tuple[str, str], ...] = ()
    """Label and URL."""

    def requirements(self) -> Iterator[Requirement]:
        """Yield the requirements that PEP 508 allows: installers do not see others either."""
        for line in self.requires:
            try:
                yield parse_requirement(line)
            except InvalidRequirement:
                continue


def read_headers(content: bytes) -> Headers:
    """Read header fields up to the first empty line.

    A line of nothing but spaces or tabs belongs to the field that it stands in (a licence's text has such).
    """
    text = content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    message = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(_END.split(text, maxsplit=1)[0])
    fields: dict[str, list[str]] = {}
    for name, value in message.items():
        fields.setdefault(name.lower(), []).append(str(value))
    return Headers({name: tuple(values) for name, values in fields.items()})


def parse(content: bytes) -> CoreMetadata:
    """Read a METADATA or PKG-INFO; the long description behind its headers is not looked at."""
    return of_headers(read_headers(content))


def description(content: bytes) -> tuple[str, str]:
    """Return the long description, and its media type as ``Description-Content-Type`` says it.

    It is behind the headers (metadata 2.1 and newer), or one of them, whose lines begin with spaces or a bar.
    """
    headers = read_headers(content)
    parts = _END.split(content.decode("utf-8", errors="replace").replace("\r\n", "\n"), maxsplit=1)
    folded = next(iter(headers.raw("Description")), "")
    text = parts[1] if len(parts) > 1 and parts[1].strip() else _BAR.sub("", folded)
    return ("" if text.strip() == _UNKNOWN else text), headers.one("Description-Content-Type")


def of_headers(headers: Headers) -> CoreMetadata:
    """Return core metadata of headers that were read already."""
    texts = {name: headers.one(name) for name in ("Summary", "Home-page")}
    licence = "\n".join(line.strip(" \t|") for line in next(iter(headers.raw("License")), "").splitlines()).strip()
    return CoreMetadata(
        name=headers.one("Name"),
        version=headers.one("Version"),
        metadata_version=headers.one("Metadata-Version") or "1.0",
        requires_python=headers.one("Requires-Python") or None,
        requires=headers.every("Requires-Dist"),
        extras=headers.every("Provides-Extra"),
        dynamic=frozenset(field.lower() for field in headers.every("Dynamic")),
        summary=_told(texts["Summary"]),
        license_expression=headers.one("License-Expression"),
        license=_told(licence),
        classifiers=headers.every("Classifier"),
        home_page=_told(texts["Home-page"]),
        project_urls=tuple(_labelled(text) for text in headers.every("Project-URL")),
    )


def asked_of(metadata: CoreMetadata) -> tuple[tuple[str, ...], ...]:
    """Return what decides where a wheel may be installed and what comes with it: two that agree ask for the same."""
    python = (metadata.requires_python,) if metadata.requires_python else ()
    return tuple(sorted(metadata.requires)), python, tuple(sorted(metadata.extras))


def extras_of(requirement: Requirement) -> tuple[str, ...]:
    """Return the extras that a requirement comes with, as its marker names them; none: it always comes."""
    return tuple(_EXTRA.findall(str(requirement.marker or "")))


def _told(text: str) -> str:
    return "" if text == _UNKNOWN else text


def _labelled(text: str) -> tuple[str, str]:
    label, _, url = text.partition(",")
    return label.strip(), url.strip()
