"""Which group of licences an SPDX expression belongs to, as somebody who has to approve it asks."""

from __future__ import annotations

import functools
from typing import Any

from license_expression import ExpressionError, Licensing, get_license_index

GROUPS = ("public domain", "permissive", "weak copyleft", "strong copyleft", "not free", "not stated as SPDX")
"""From what asks for least to what asks for most; the last one is where somebody has to look."""
UNKNOWN = GROUPS[-1]

# ScanCode's categories of every SPDX licence come with license-expression.
_OF_CATEGORY = {
    "Public Domain": "public domain",
    "Permissive": "permissive",
    "Copyleft Limited": "weak copyleft",
    "Copyleft": "strong copyleft",
    "Proprietary Free": "not free",
    "Commercial": "not free",
    "Free Restricted": "not free",
    "Source-available": "not free",
}
_LONGEST = 300


@functools.lru_cache(maxsize=4096)
def group(expression: str) -> str:
    """Return the group of an expression: with ``AND`` the one that asks for most, with ``OR`` for least."""
    try:
        tree = Licensing().parse(expression) if len(expression) <= _LONGEST else None
    except (ExpressionError, RecursionError):
        tree = None
    return UNKNOWN if tree is None else GROUPS[_rank(tree)]


def _rank(tree: Any) -> int:
    if operands := getattr(tree, "args", ()):
        ranks = [_rank(operand) for operand in operands]
        return max(ranks) if tree.operator.strip() == "AND" else min(ranks)
    if hasattr(tree, "exception_symbol"):
        licence, exception = _of(tree.license_symbol.key), _of(tree.exception_symbol.key)
        # GPL with the exception of GCC's runtime asks for less than GPL.
        return min(licence, exception) if GROUPS[licence] == "strong copyleft" else licence
    return _of(tree.key)


def _of(identifier: str) -> int:
    return GROUPS.index(_groups().get(identifier.lower(), UNKNOWN))


@functools.cache
def _groups() -> dict[str, str]:
    groups = {}
    for row in get_license_index():
        for name in (row.get("spdx_license_key"), *row.get("other_spdx_license_keys", ())):
            if name:
                groups[name.lower()] = _OF_CATEGORY.get(row.get("category"), UNKNOWN)
    return groups
