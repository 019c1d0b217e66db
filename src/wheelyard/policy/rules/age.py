"""The cooldown: what was uploaded a short while ago is not taken yet, as malice is mostly found within days.

As uv's ``exclude-newer`` and pip's ``--uploaded-prior-to``, and fail closed: where an index does not say when
a file was uploaded (PEP 700), the file is too new.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from wheelyard.policy import moments
from wheelyard.policy.model import AdmissionPolicy, Cutoff, Evidence, Objection


def judge(file: Evidence, policy: AdmissionPolicy, at: datetime) -> Iterator[Objection]:
    """Object to what is newer than the policy allows."""
    cutoff = _cutoff(file, policy)
    if file.local or cutoff is None or cutoff == timedelta():
        return
    until = at - cutoff if isinstance(cutoff, timedelta) else cutoff
    uploaded = moments.moment_of(file.upload_time) if file.upload_time else None
    if uploaded is None:
        index = f"index {file.index!r}" if file.index else "its index"
        yield Objection(rule="age", message=f"{index} does not say when it was uploaded")
    elif uploaded > until:
        message = f"uploaded {moments.shown(uploaded)}, and nothing after {moments.shown(until)} is taken"
        yield Objection(rule="age", message=message, evidence=str(file.upload_time))


def _cutoff(file: Evidence, policy: AdmissionPolicy) -> Cutoff | None:
    by_index = policy.exclude_newer_index.get(file.index, policy.exclude_newer)
    return policy.exclude_newer_package.get(file.name, by_index)
