"""Crates: pinned by ``Cargo.lock``, fetched by cargo, laid out as a directory source in its place."""

from __future__ import annotations

from wheelyard.prefetch.cargo.client import fetch, made_locks
from wheelyard.prefetch.cargo.lock_file import needs
from wheelyard.prefetch.cargo.vendored import lay_out

__all__ = ["BUILDERS", "NAME", "fetch", "lay_out", "made_locks", "needs"]

NAME = "cargo"
BUILDERS = frozenset({"maturin", "setuptools-rust"})
