"""Known vulnerabilities and known malware, from a carried OSV database. Where a range is unreadable, it counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from wheelyard.policy.model import AdmissionPolicy, Evidence, Objection
from wheelyard.policy.osv import SEVERITIES, Hit


def judge(file: Evidence, policy: AdmissionPolicy, at: datetime) -> Iterator[Objection]:  # noqa: ARG001  (as all rules)
    """Object to what the database knows of this version; malware is refused whatever else the policy says."""
    if policy.advisories is None:
        return
    for hit in policy.advisories.about(file.name, file.version):
        if hit.malware:
            yield Objection(rule="advisory", message=f"{hit.id}: malware", evidence=hit.id, final=True)
        elif _counts(hit, file, policy):
            fixed = f"; fixed in {', '.join(hit.fixed)}" if hit.fixed else "; no fixed version is known"
            told = f" ({hit.severity})" if hit.severity != "unknown" else ""
            yield Objection(rule="advisory", message=f"{_named(hit)}{told}: {hit.summary}{fixed}", evidence=hit.id)


def _counts(hit: Hit, file: Evidence, policy: AdmissionPolicy) -> bool:
    if policy.only_fixed and not hit.fixed:
        return False
    if hit.severity != "unknown" and SEVERITIES.index(hit.severity) < SEVERITIES.index(policy.deny_severity):
        return False
    products = {file.name, f"{file.name}=={file.version}"}
    return not any(products & policy.not_affected.get(known, frozenset()) for known in (hit.id, *hit.aliases))


def _named(hit: Hit) -> str:
    known = [alias for alias in hit.aliases if alias.startswith("CVE-")]
    return f"{hit.id} ({', '.join(known)})" if known else hit.id
