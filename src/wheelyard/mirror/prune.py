"""Taking old files out of a wheelhouse: by number of versions, by date, or all that a lock does not name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.site import Entry, Published, Site
from wheelyard.index import layout, site_state
from wheelyard.index.pages import version_key
from wheelyard.index.publish import publish
from wheelyard.store.blobs import Store

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to take out; several rules take out what any of them does. Targets' folders are never touched."""

    newest: int = 0
    """Keep so many versions of each project; 0: no limit."""
    before: str | None = None
    """Take out what was uploaded before this day (``2026-01-31``); a file without a date stays."""
    locks: tuple[Path, ...] = ()
    """Take out what none of these files names by its sha256; none: no limit."""


def outdated(site: Site, rule: Rule) -> tuple[Entry, ...]:
    """Return the files that a rule takes out, ordered by name.

    :raises ConfigError: if the rule says nothing, or a lock cannot be read.
    """
    if not rule.newest and rule.before is None and not rule.locks:
        raise ConfigError("nothing is said of what to take out", hint="give --newest, --before or --lock")
    if rule.before is not None and not _DATE.match(rule.before):
        raise ConfigError("not a day", where=rule.before, hint="write it as 2026-01-31")
    locked = _locked(rule.locks)
    old = _beyond(site.extra, rule.newest) if rule.newest else frozenset()
    found = [
        entry
        for entry in site.extra
        if entry.wheel.filename in old
        or (rule.before is not None and entry.wheel.upload_time and entry.wheel.upload_time[:10] < rule.before)
        or (rule.locks and entry.wheel.sha256 not in locked)
    ]
    return tuple(sorted(found, key=lambda entry: entry.wheel.filename))


def prune(
    rule: Rule,
    *,
    store: Store,
    into: Path,
    keys: Sequence[Path] = (),
    report: Reporter = silent,
    grace: float = 0,
) -> Published:
    """Take files out and publish the rest.

    :param keys, grace: as for ``publish``.
    :raises StorageError: if the wheelhouse cannot be changed.
    """
    site = site_state.load(into)
    gone = {entry.wheel.filename for entry in outdated(site, rule)}
    rest = tuple(entry for entry in site.extra if entry.wheel.filename not in gone)
    return publish(replace(site, extra=rest), store=store, into=into, keys=keys, report=report, grace=grace)


def _locked(paths: Iterable[Path]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        try:
            found.update(_DIGEST.findall(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read as a lock: {error}", where=str(path)) from error
    return frozenset(found)


def _beyond(entries: Iterable[Entry], newest: int) -> frozenset[str]:
    """Return the names of files beyond the newest versions of their project."""
    versions: dict[str, dict[tuple[int, Version | str], list[str]]] = {}
    for entry in entries:
        project = versions.setdefault(layout.canonical(entry.wheel.name), {})
        project.setdefault(version_key(entry.wheel.version), []).append(entry.wheel.filename)
    return frozenset(
        name
        for project in versions.values()
        for version in sorted(project, reverse=True)[newest:]
        for name in project[version]
    )
