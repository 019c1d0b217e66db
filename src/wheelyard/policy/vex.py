"""Statements that a product is not affected by an advisory: OpenVEX and CycloneDX, as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ConfigError
from wheelyard.schema.problems import read_text

_PURL = "pkg:pypi/"


def read(path: Path, shown_as: str) -> Mapping[str, frozenset[str]]:
    """Return the identifiers of advisories with the products, ``name`` or ``name==version``, that they do not affect.

    :raises ConfigError: if the file is neither OpenVEX nor CycloneDX.
    """
    try:
        document = json.loads(read_text(path, shown_as))
        pairs = list(_statements(document))
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise ConfigError(f"no VEX document: {error}", where=shown_as, hint="OpenVEX and CycloneDX are read") from error
    found: dict[str, set[str]] = defaultdict(set)
    for advisory, product in pairs:
        if name := _product(product):
            found[advisory].add(name)
    return {advisory: frozenset(products) for advisory, products in found.items()}


def _statements(document: Any) -> Iterator[tuple[str, str]]:
    """Yield advisory and product of each statement that says so.

    :raises ValueError: if it is no document of a known kind.
    """
    if "openvex" in str(document.get("@context", "")):
        for statement in document["statements"]:
            vulnerability = statement["vulnerability"]
            named = [vulnerability] if isinstance(vulnerability, str) else _names(vulnerability)
            if statement["status"] in ("not_affected", "fixed"):
                for product in statement.get("products", ()):
                    yield from ((each, product if isinstance(product, str) else str(product["@id"])) for each in named)
    elif document.get("bomFormat") == "CycloneDX":
        purls = {part.get("bom-ref"): str(part.get("purl", "")) for part in document.get("components", ())}
        for vulnerability in document.get("vulnerabilities", ()):
            if vulnerability.get("analysis", {}).get("state") in ("not_affected", "resolved", "false_positive"):
                for product in vulnerability.get("affects", ()):
                    yield str(vulnerability["id"]), purls.get(product["ref"]) or str(product["ref"])
    else:
        raise ValueError("neither @context nor bomFormat is known")


def _names(vulnerability: Mapping[str, Any]) -> list[str]:
    return [str(vulnerability["name"]), *map(str, vulnerability.get("aliases", ()))]


def _product(purl: str) -> str | None:
    """Return ``name`` or ``name==version`` of a package URL of the index; None for any other product."""
    if not purl.startswith(_PURL):
        return None
    name, _, version = purl.removeprefix(_PURL).partition("?")[0].partition("#")[0].partition("@")
    canonical = str(canonicalize_name(unquote(name)))
    return f"{canonical}=={unquote(version)}" if version else canonical
