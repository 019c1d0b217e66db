"""Names that may not enter, and versions that their authors took back (PEP 592)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from wheelyard.policy.model import AdmissionPolicy, Evidence, Objection


def judge(file: Evidence, policy: AdmissionPolicy, at: datetime) -> Iterator[Objection]:  # noqa: ARG001  (as all rules)
    """Object to denied names, to those that no list allows, and to what is yanked."""
    if file.name in policy.deny_packages:
        yield Objection(rule="name", message=f"{file.name} is on the list of denied packages", evidence=file.name)
    elif policy.allow_packages and file.name not in policy.allow_packages:
        yield Objection(rule="name", message=f"{file.name} is not on the list of packages", evidence=file.name)
    if file.yanked is not None and policy.yanked == "deny":
        yield Objection(rule="yanked", message=f"yanked upstream: {file.yanked or 'no reason is given'}")
