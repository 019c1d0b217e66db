"""Known vulnerabilities, from an OSV export that the admin carries: a zip, a folder of JSON files, or one JSON file.

The schema is https://ossf.github.io/osv-schema/. Only the ``PyPI`` ecosystem is looked at. Nothing is asked online.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.domain.errors import ConfigError

_LARGEST = 8 << 20

Advisory: TypeAlias = Mapping[str, Any]
Severity: TypeAlias = Literal["unknown", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("unknown", "low", "medium", "high", "critical")
_WORDS: Mapping[str, Severity] = {"none": "low", "moderate": "medium", **{word: word for word in SEVERITIES}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What an advisory says of one version."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    fixed: tuple[str, ...]
    """Versions that do not have it any more."""
    severity: Severity
    scores: str
    """As the advisory writes them: CVSS vectors."""
    judged: bool = True
    """False: its range could not be compared with the version, so it may be of it."""

    @property
    def malware(self) -> bool:
        """Whether the project itself is malicious."""
        return self.id.startswith("MAL-") or any(alias.startswith("MAL-") for alias in self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The advisories of one export about projects of the index."""

    name: str
    """Of its file."""
    sha256: str
    """Of what it holds."""
    dated: str | None
    """The newest change in it (RFC 3339): what came to be known later is not in it."""
    entries: int
    """Advisories; none: it says nothing."""
    by_name: Mapping[str, tuple[tuple[Advisory, Mapping[str, Any]], ...]]
    """Normalised name to advisories, each with its entry about this project."""

    def about(self, name: str, version: str) -> Iterator[Hit]:
        """Yield what is known of a version, and what may be of it, by identifier."""
        hits: dict[str, Hit] = {}
        for advisory, affected in self.by_name.get(name, ()):
            try:
                affects, judged = _affected(version, affected), True
            except (InvalidVersion, TypeError, AttributeError, StopIteration):
                affects, judged = True, False
            if affects:
                hit = _hit(advisory, affected, judged)
                hits[hit.id] = hit
        for identifier in sorted(hits):
            yield hits[identifier]


def read(path: Path) -> Database:
    """Read an export.

    :raises ConfigError: if it is not there, or a file in it is no JSON.
    """
    if not path.exists():
        raise ConfigError("there is no such OSV export", where=str(path))
    content = hashlib.sha256()
    by_name: dict[str, list[tuple[Advisory, Mapping[str, Any]]]] = defaultdict(list)
    dates: list[str] = []
    try:
        for name, document in _documents(path):
            content.update(hashlib.sha256(document).digest())
            value = json.loads(document)
            for advisory in value if isinstance(value, list) else value.get("vulns", [value]):
                if not isinstance(advisory, dict) or not isinstance(advisory.get("id"), str):
                    raise ConfigError("not an OSV advisory", where=f"{path}: {name}")
                about = list(_about(advisory))
                if about and not advisory.get("withdrawn"):
                    dates.append(str(advisory.get("modified", "")))
                    for project, affected in about:
                        by_name[project].append((advisory, affected))
    except (ValueError, RecursionError, AttributeError, zipfile.BadZipFile, OSError) as error:
        raise ConfigError(f"not an OSV export: {error}", where=str(path)) from error
    return Database(
        name=path.name,
        sha256=content.hexdigest(),
        dated=max(dates, default=None),
        entries=len(dates),
        by_name={name: tuple(entries) for name, entries in by_name.items()},
    )


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


def _about(advisory: Advisory) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the projects of the index that an advisory is about, with its entry for each."""
    for affected in advisory.get("affected", ()):
        package = affected.get("package", {})
        if package.get("ecosystem") == "PyPI":
            yield str(canonicalize_name(str(package.get("name", "")))), affected


def _hit(advisory: Advisory, affected: Mapping[str, Any], judged: bool) -> Hit:
    scores = [str(score.get("score", "")) for score in advisory.get("severity", ()) if isinstance(score, dict)]
    return Hit(
        id=str(advisory["id"]),
        aliases=tuple(sorted(str(alias) for alias in advisory.get("aliases", ()))),
        summary=str(advisory.get("summary") or advisory.get("details", "")).strip()[:300],
        fixed=tuple(sorted(set(_fixed(affected)))),
        severity=_severity(advisory, affected),
        scores=", ".join(scores),
        judged=judged,
    )


def _severity(advisory: Advisory, affected: Mapping[str, Any]) -> Severity:
    """Return the severity in words: the database's own, else what the highest CVSS vector comes to."""
    for specific in (advisory.get("database_specific"), affected.get("database_specific")):
        word = specific.get("severity") if isinstance(specific, dict) else None
        if isinstance(word, str) and word.lower() in _WORDS:
            return _WORDS[word.lower()]
    found = [_scored(score) for score in (*advisory.get("severity", ()), *affected.get("severity", ()))]
    return max(found, key=SEVERITIES.index, default="unknown")


def _scored(score: object) -> Severity:
    # Late: only some advisories have nothing but a vector.
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    vectors = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}
    if not isinstance(score, dict) or (kind := vectors.get(str(score.get("type")))) is None:
        return "unknown"
    try:
        return _WORDS.get(str(kind(str(score.get("score"))).severities()[0]).lower(), "unknown")
    except (CVSSError, IndexError):
        return "unknown"


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
