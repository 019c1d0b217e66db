"""What the policy says of a file that is here, before it is published."""

from __future__ import annotations

from wheelyard.domain.site import Entry
from wheelyard.policy import evidence, moments
from wheelyard.policy.judge import check
from wheelyard.policy.model import AdmissionPolicy
from wheelyard.sdist import reader
from wheelyard.store.blobs import Store
from wheelyard.wheels.metadata import read_metadata


def check_admitted(entry: Entry, policy: AdmissionPolicy, store: Store) -> None:
    """Judge a file of the store, its licence too.

    :raises PolicyError: if it may not enter.
    """
    if policy.demands:
        path = store.path(entry.wheel.sha256)
        is_wheel = entry.wheel.filename.endswith(".whl")
        metadata = read_metadata(path) if is_wheel else reader.read(path, filename=entry.wheel.filename).metadata
        check(evidence.of_entry(entry, metadata), policy, at=moments.now())
