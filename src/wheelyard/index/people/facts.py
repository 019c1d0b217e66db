"""What a METADATA says that people want to read; parsed once, kept beside the wheelhouse's record."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from wheelyard.io import files

CACHE = ".facts.json"
_FORMAT = 2
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_WEB = re.compile(r"https?://[^\s\"'<>]+\Z")
_LONGEST = 300


class Facts(NamedTuple):
    """The part of a METADATA that pages show. It comes from strangers: only templates that escape may show it."""

    name: str = ""
    """As its author writes it."""
    summary: str = ""
    licence: str = ""
    requires: tuple[str, ...] = ()
    """Normalised names of everything it may depend on, extras and markers aside."""
    links: tuple[tuple[str, str], ...] = ()
    """Label and http(s) URL."""


def parse(metadata: bytes) -> Facts:
    """Read the headers of a METADATA (RFC 822 as PEP 566 uses it); whatever is odd is left out."""
    found: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in metadata.decode(errors="replace").splitlines():
        if not line.strip():
            break
        if line[0] in " \t":
            if last:
                last[-1] += " " + line.strip(" \t|")
            continue
        key, _, value = line.partition(":")
        last = found.setdefault(key.strip().lower(), [])
        last.append(value.strip())

    def one(key: str) -> str:
        return found.get(key, [""])[0][:_LONGEST]

    return Facts(
        name=one("name"),
        summary="" if one("summary") == "UNKNOWN" else one("summary"),
        licence=_licence(one("license-expression"), found.get("classifier", []), one("license")),
        requires=tuple(
            sorted({canonicalize_name(match[0]) for match in map(_NAME.match, found.get("requires-dist", [])) if match})
        ),
        links=_links([("Home page", one("home-page")), *(_labelled(text) for text in found.get("project-url", []))]),
    )


def _licence(expression: str, classifiers: Iterable[str], text: str) -> str:
    if expression:
        return expression
    named = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License ::")]
    named = [name for name in named if name != "OSI Approved"]
    if named:
        return ", ".join(sorted(set(named)))[:_LONGEST]
    if len(text) > 60:
        return "its own text"
    return "" if text == "UNKNOWN" else text


def _labelled(text: str) -> tuple[str, str]:
    label, _, url = text.partition(",")
    return label.strip()[:40], url.strip()


def _links(labelled: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple({url: (label, url) for label, url in labelled if _WEB.match(url)}.values())


def gather(into: Path, wanted: Mapping[str, Callable[[], bytes]]) -> dict[str, Facts]:
    """Return facts by the SHA-256 of their METADATA, reading only those that no earlier publication has read.

    :param wanted: how to read each METADATA, by its SHA-256.
    """
    known = _load(into)
    found = {digest: known.get(digest) or parse(read()) for digest, read in wanted.items()}
    if found.keys() != known.keys():
        content = json.dumps({"format": _FORMAT, "facts": found}, separators=(",", ":"))
        files.write(into / CACHE, content, sync=False)
    return found


def _load(into: Path) -> dict[str, Facts]:
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        content = json.loads((into / CACHE).read_bytes())
        if content["format"] == _FORMAT:
            return {
                digest: Facts(name, summary, licence, tuple(requires), tuple((label, url) for label, url in links))
                for digest, (name, summary, licence, requires, links) in content["facts"].items()
            }
    return {}
