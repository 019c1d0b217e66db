"""What we know of a wheel after it was checked once: kept in the store, so that no wheel is opened twice."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from wheelyard.domain.facts import WheelSummary
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo
from wheelyard.wheels import read as wheel

_EDITION = "2"
"""Raise it when what is kept, or what is checked, changes."""


def facts(store: Store, filename: str, sha256: str) -> WheelSummary:
    """Return the facts of a wheel in the store, reading and checking it strictly the first time.

    :raises WheelError: if the wheel is damaged or hostile.
    """
    return memo(store, "facts", _EDITION, sha256, lambda: _read(store, filename, sha256), dump=asdict, load=_load)


def _load(known: dict[str, Any]) -> WheelSummary:
    sequences = {key: tuple(known[key]) for key in ("provides_extra", "modules")}
    return WheelSummary(**{**known, **sequences})


def _read(store: Store, filename: str, sha256: str) -> WheelSummary:
    blob = store.path(sha256)
    read = wheel.read(blob, filename=filename)
    return WheelSummary(
        name=read.name,
        version=read.version,
        size=blob.stat().st_size,
        requires_python=read.requires_python,
        provides_extra=read.provides_extra,
        modules=read.top_level_modules,
        metadata_sha256=hashlib.sha256(read.metadata).hexdigest(),
    )
