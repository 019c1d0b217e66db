"""HTML or JSON, compressed or not: what a client's headers ask for (RFC 9110, PEP 691)."""

from __future__ import annotations

JSON = "application/vnd.pypi.simple.v1+json"
_JSON_NAMES = frozenset({JSON, "application/vnd.pypi.simple.latest+json"})
_HTML_NAMES = frozenset(
    {
        "text/html",
        "application/vnd.pypi.simple.v1+html",
        "application/vnd.pypi.simple.latest+html",
        "application/xhtml+xml",
    }
)


def weights(header: str) -> dict[str, float]:
    """Return what a header like ``Accept`` lists, with its weights; what is malformed counts as not there."""
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    weight = 0.0
        if name:
            found[name] = max(weight, found.get(name, 0.0))
    return found


def prefers_json(accept: str) -> bool:
    """Whether a client would rather have the JSON page; one that says nothing gets HTML, as PEP 691 recommends."""
    asked = weights(accept)
    json = max(asked.get(name, 0.0) for name in _JSON_NAMES)
    html = max(asked.get(name, 0.0) for name in _HTML_NAMES)
    return json > 0 and json >= html


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client can unpack gzip."""
    asked = weights(accept_encoding)
    return asked.get("gzip", asked.get("*", 0.0)) > 0
