"""What the papers say of known vulnerabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelyard.policy import osv
from wheelyard.report.model import Component, Vulnerabilities, Vulnerability


def look(components: Sequence[Component], database: Path | None) -> Vulnerabilities:
    """Return the known vulnerabilities of components; without a database it says that nothing was looked at.

    :raises ConfigError: if the database cannot be read.
    """
    if database is None:
        return Vulnerabilities(database=None, dated=None)
    known = osv.read(database)
    hits = {
        (component.name, component.version, hit.id): hit
        for component in components
        for hit in known.about(component.name, component.version)
    }
    return Vulnerabilities(
        database=known.name,
        dated=known.dated,
        entries=known.entries,
        found=tuple(
            Vulnerability(
                id=hit.id,
                aliases=hit.aliases,
                name=name,
                version=version,
                summary=hit.summary,
                fixed=hit.fixed,
                severity=hit.scores,
            )
            for (name, version, _), hit in sorted(hits.items(), key=lambda pair: pair[0])
            if hit.judged
        ),
        unjudged=tuple(
            f"{name} {version}: {advisory}"
            for (name, version, advisory), hit in sorted(hits.items(), key=lambda pair: pair[0])
            if not hit.judged
        ),
    )
