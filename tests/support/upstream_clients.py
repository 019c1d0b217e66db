"""A client with little patience."""

from __future__ import annotations

from collections.abc import Callable

from wheelyard.io.http import HttpSettings
from wheelyard.upstream.client import Client

HASTY = HttpSettings(retries=2, backoff=0.01, page_limit=4 << 20)
"""Tries again at once; what waits for a server that is silent or slow has limits of its own."""


MakeClient = Callable[..., Client]
