"""The rules: each a function from a file, a policy and a moment to what it objects to. A rule more is a module more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from wheelyard.policy.model import AdmissionPolicy, Evidence, Objection
from wheelyard.policy.rules import advisory, age, licenses, name

JUDGES: tuple[Callable[[Evidence, AdmissionPolicy, datetime], Iterator[Objection]], ...] = (
    name.judge,
    age.judge,
    advisory.judge,
    licenses.judge,
)
"""In the order in which their objections are told."""
