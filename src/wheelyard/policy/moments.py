"""Moments and spans of time as policies write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"P?(\d{1,5})\s*(h|hours?|d|days?|w|weeks?)", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 168}


def now() -> datetime:
    """Return the moment at which is judged."""
    return datetime.now(UTC)


def span_of(text: str) -> timedelta | None:
    """Return a span: ``12h``, ``7d``, ``2 weeks``, or ``P7D`` as pip writes it; None for anything else."""
    match = _SPAN.fullmatch(text.strip())
    return timedelta(hours=int(match[1]) * _HOURS[match[2][0].lower()]) if match else None


def moment_of(text: str) -> datetime | None:
    """Return a moment (RFC 3339); a date alone is its beginning, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(moment: datetime) -> str:
    """Return a moment as people read it: the date, with the time where it is not midnight."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return text.removesuffix(" 00:00")


CLOCKS = timedelta(days=1)
"""So far two good clocks may be apart."""
