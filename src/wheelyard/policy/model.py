"""The values of a policy: what it demands, what is known of a file, and what comes of the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from wheelyard.policy.osv import Database, Severity
from wheelyard.wheels.licence import License

Cutoff: TypeAlias = timedelta | datetime
"""What is newer is refused: a moment, or so long before the moment of judging. No time at all: nothing is too new."""
RuleName: TypeAlias = Literal["age", "advisory", "license", "name", "yanked"]
RULES: tuple[RuleName, ...] = ("age", "advisory", "license", "name", "yanked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Somebody's word that one file may pass some rules for a while."""

    sha256: str
    """Of the file; of its sdist, for what is built from it."""
    rules: tuple[RuleName, ...]
    by: str
    reason: str
    until: datetime
    """It holds up to this moment."""
    file: str = ""
    """The file's name, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """What a file must be to enter. The default demands nothing."""

    exclude_newer: Cutoff | None = None
    exclude_newer_index: Mapping[str, Cutoff] = field(default_factory=dict)
    """By the name of an index; it goes before ``exclude_newer``."""
    exclude_newer_package: Mapping[str, Cutoff] = field(default_factory=dict)
    """By normalised name; it goes before all others."""
    allow_licenses: frozenset[str] = frozenset()
    """SPDX identifiers; empty: all that are not denied."""
    deny_licenses: frozenset[str] = frozenset()
    unknown_license: Literal["allow", "deny"] = "allow"
    """What becomes of a file that says no licence by an SPDX expression, or unmistakably."""
    allow_packages: frozenset[str] = frozenset()
    """Normalised names; empty: all that are not denied."""
    deny_packages: frozenset[str] = frozenset()
    yanked: Literal["allow", "deny"] = "allow"
    advisories: Database | None = None
    """None: nothing is looked up."""
    advisories_max_age: timedelta | None = None
    """How old the newest entry of the database may be."""
    deny_severity: Severity = "unknown"
    """The least severity that is refused; ``unknown``: every advisory."""
    only_fixed: bool = False
    """Whether an advisory refuses a version only where another one is without it."""
    not_affected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """VEX: identifiers of advisories to the ``name`` or ``name==version`` that are not affected."""
    waivers: tuple[Waiver, ...] = ()

    @property
    def identity(self) -> list[str]:
        """What tells it from another policy: a database by its content."""
        values = {**{name: getattr(self, name) for name in self.__slots__}, "advisories": ""}
        content = self.advisories.sha256 if self.advisories else ""
        return [content, *(f"{name}: {_plain(value)}" for name, value in sorted(values.items()))]

    @property
    def demands(self) -> bool:
        """Whether it demands anything."""
        return self != ANYTHING


ANYTHING = AdmissionPolicy()
"""The policy that demands nothing."""


def _plain(value: object) -> str:
    """Return a value as text, the same however its sets and tables happen to be ordered."""
    if isinstance(value, frozenset):
        return repr(sorted(value))
    if isinstance(value, Mapping):
        return repr([(key, _plain(each)) for key, each in sorted(value.items())])
    return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one file. None: not known yet, and so not judged; it will be, before it is published."""

    filename: str
    name: str
    """Normalised (PEP 503)."""
    version: str
    sha256: str | None
    made_from: str | None = None
    """SHA-256 of the sdist, for a wheel that was built."""
    local: bool = False
    """A file of the admin's own, not of an index."""
    index: str = ""
    upload_time: str | None = None
    """As the index said (PEP 700); None: it does not say."""
    yanked: str | None = None
    license: License | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One rule that a file breaks."""

    rule: RuleName
    message: str
    evidence: str = ""
    """The one thing that it goes by: a time, an advisory's identifier, a licence."""
    final: bool = False
    """No waiver helps: malware."""
    waiver: Waiver | None = None
    """By which it passes nevertheless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What was judged, and what is against it."""

    file: Evidence
    objections: tuple[Objection, ...] = ()

    @property
    def refusals(self) -> tuple[Objection, ...]:
        """What is against it and is not waived."""
        return tuple(objection for objection in self.objections if objection.waiver is None)

    @property
    def passes(self) -> bool:
        """Whether it may enter."""
        return not self.refusals
