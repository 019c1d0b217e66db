"""Known vulnerabilities, from an OSV export that the admin carries: a zip, a folder of JSON files, or one JSON file.

The schema is https://ossf.github.io/osv-schema/. Only the ``PyPI`` ecosystem is looked at. Nothing is asked online.
"""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.domain.errors import ConfigError
from wheelyard.report.model import Component, Vulnerabilities, Vulnerability

_LARGEST = 8 << 20

Advisory = Mapping[str, Any]


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for place in sorted(path.rglob("*.json")):
            yield place.name, place.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                if member.filename.endswith(".json") and member.file_size <= _LARGEST:
                    yield member.filename, archive.read(member)
    else:
        content = path.read_bytes()
        for number, line in enumerate(content.splitlines() if path.suffix == ".jsonl" else [content], 1):
            yield f"{path.name}:{number}", line


def advisories(path: Path) -> list[Advisory]:
    """Return the advisories of an export that are about PyPI projects.

    :raises ConfigError: if it is not there, or a file in it is no JSON.
    """
    if not path.exists():
        raise ConfigError("there is no such OSV export", where=str(path))
    found: list[Advisory] = []
    try:
        for name, content in _documents(path):
            value = json.loads(content)
            for advisory in value if isinstance(value, list) else value.get("vulns", [value]):
                if not isinstance(advisory, dict) or "id" not in advisory:
                    raise ConfigError("not an OSV advisory", where=f"{path}: {name}")
                about = [a.get("package", {}).get("ecosystem") for a in advisory.get("affected", ())]
                if "PyPI" in about and not advisory.get("withdrawn"):
                    found.append(advisory)
    except (ValueError, RecursionError, AttributeError, zipfile.BadZipFile, OSError) as error:
        raise ConfigError(f"not an OSV export: {error}", where=str(path)) from error
    return found


def _in_range(version: Version, events: Sequence[Mapping[str, str]]) -> bool:
    """Whether a version is affected by a range (OSV schema, "evaluation")."""
    affected = False
    key = {"introduced": 0, "fixed": 1, "last_affected": 2}

    def moment(event: Mapping[str, str]) -> tuple[Version, int]:
        kind, text = next(iter(event.items()))
        return Version("0.dev0" if text == "0" else text), key.get(kind, 3)

    for event in sorted((step for step in events if step), key=moment):
        kind, text = next(iter(event.items()))
        if kind == "introduced" and (text == "0" or version >= Version(text)):
            affected = True
        elif (kind == "fixed" and version >= Version(text)) or (kind == "last_affected" and version > Version(text)):
            affected = False
    return affected


def _affected(version: str, affected: Mapping[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    parsed = Version(version)
    # A local version (a variant that we built) has what its public version has.
    public = Version(parsed.public)
    if any(_same(public, listed) for listed in affected.get("versions", ())):
        return True
    ranges = [span for span in affected.get("ranges", ()) if span.get("type") in ("ECOSYSTEM", "SEMVER")]
    return any(_in_range(public, span.get("events", ())) for span in ranges)


def _same(version: Version, text: str) -> bool:
    try:
        return version == Version(text)
    except InvalidVersion:
        return False


def _fixed(affected: Mapping[str, Any]) -> list[str]:
    ranges = [span for span in affected.get("ranges", ()) if span.get("type") != "GIT"]
    return [event["fixed"] for span in ranges for event in span.get("events", ()) if "fixed" in event]


def look(components: Sequence[Component], database: Path | None) -> Vulnerabilities:
    """Return the known vulnerabilities of components; without a database it says that nothing was looked at.

    :raises ConfigError: if the database cannot be read.
    """
    if database is None:
        return Vulnerabilities(database=None, dated=None)
    known = advisories(database)
    by_name: dict[str, list[tuple[Advisory, Mapping[str, Any]]]] = defaultdict(list)
    for advisory in known:
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") == "PyPI":
                by_name[str(canonicalize_name(str(package.get("name", ""))))].append((advisory, affected))
    found: dict[tuple[str, str, str], Vulnerability] = {}
    unjudged: set[str] = set()
    for component in components:
        for advisory, affected in by_name.get(component.name, ()):
            try:
                hit = _affected(component.version, affected)
            except (InvalidVersion, TypeError, AttributeError, StopIteration):
                unjudged.add(f"{component.name} {component.version}: {advisory['id']}")
                continue
            if hit:
                found[component.name, component.version, str(advisory["id"])] = Vulnerability(
                    id=str(advisory["id"]),
                    aliases=tuple(sorted(str(alias) for alias in advisory.get("aliases", ()))),
                    name=component.name,
                    version=component.version,
                    summary=str(advisory.get("summary") or advisory.get("details", "")).strip()[:300],
                    fixed=tuple(sorted(set(_fixed(affected)))),
                    severity=", ".join(str(score.get("score", "")) for score in advisory.get("severity", ())),
                )
    return Vulnerabilities(
        database=database.name,
        dated=max((str(advisory.get("modified", "")) for advisory in known), default=None),
        entries=len(known),
        found=tuple(found[key] for key in sorted(found)),
        unjudged=tuple(sorted(unjudged)),
    )
