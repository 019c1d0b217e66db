"""What core metadata says about a licence: the one reader for pages, papers and SBOM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from wheelyard.wheels.core_metadata import CoreMetadata

# Only classifiers that name one SPDX licence. "BSD License", "GPL" without a version and the like stay unknown.
_CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": None,  # any version
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": None,
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
}

# What many packages write in ``License`` and mean without doubt.
_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd-2-clause license": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "mpl 2.0": "MPL-2.0",
    "psfl": "PSF-2.0",
}

_SHORT = 60
"""Letters; a longer ``License`` is a text, not a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """What a wheel or an sdist says about its licence."""

    expression: str | None
    """SPDX expression, from ``License-Expression``, a ``License`` that is one, or an unambiguous classifier."""
    source: Literal["License-Expression", "License", "classifier", "none"]
    declared: str
    """The words of the metadata that are no SPDX expression."""
    shown: str
    """In few words, for a page: the expression, else what classifiers call it; empty where nothing is said."""
    texts: tuple[tuple[str, str], ...] = ()
    """Name and content of the licence files in ``.dist-info``."""


def license_of(metadata: CoreMetadata) -> License:
    """Return what metadata says about the licence; an expression only where there is no doubt."""
    given, words = metadata.license_expression, metadata.license
    declared = words.splitlines()[0][:200] if words else ""
    kinds = _kinds(metadata)
    if given and (expression := expression_of(given)):
        return License(expression=expression, source="License-Expression", declared="", shown=expression)
    if declared and (len(words) < 100 or declared.lower() in _WORDS) and (expression := expression_of(declared)):
        return License(expression=expression, source="License", declared=declared, shown=expression)
    known = sorted({name for kind in kinds if (name := _CLASSIFIERS.get(kind))})
    if len(known) == 1 and len(kinds) == 1:
        return License(expression=known[0], source="classifier", declared=declared, shown=known[0])
    told = "; ".join(dict.fromkeys([given, declared, *kinds])).strip("; ")
    text = "its own text" if len(words) > _SHORT else words
    return License(expression=None, source="none", declared=told, shown=given[:200] or ", ".join(kinds) or text)


def expression_of(text: str) -> str | None:
    """Return the SPDX expression that some words are or mean without doubt, None where there is none."""
    try:
        return str(canonicalize_license_expression(_WORDS.get(text.lower(), text)))
    except (InvalidLicenseExpression, RecursionError):
        return None


def _kinds(metadata: CoreMetadata) -> tuple[str, ...]:
    """Return the licences that classifiers name: ``License :: OSI Approved`` alone names none."""
    named = (line.rpartition("::")[2].strip() for line in metadata.classifiers if line.startswith("License ::"))
    return tuple(sorted({name for name in named if name != "OSI Approved"}))


def spdx_identifier(text: str) -> str | None:
    """Return one licence, with an exception or without, in SPDX's own spelling; None for what is no such."""
    expression = expression_of(text)
    return expression if expression and not {"(", "OR", "AND"} & set(expression.replace("(", "( ").split()) else None
