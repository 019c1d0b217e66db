"""``[policy]``, declared; a file of its own has the same keys."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from wheelyard.policy.model import RuleName
from wheelyard.policy.osv import Severity
from wheelyard.schema.tables import Digest, Table, Text, Texts


class WaiverTable(Table, frozen=True):
    """`[[policy.waiver]]`: one file that may pass some rules for a while."""

    sha256: Annotated[
        Digest,
        Meta(
            title="no SHA-256",
            description="of the file; of its sdist, where it is built here",
            examples=["e3b0…b855"],
        ),
    ]
    rules: Annotated[
        tuple[RuleName, ...], Meta(min_length=1, description="the rules that it may break", examples=[["age"]])
    ]
    by: Annotated[Text, Meta(description="who agreed", examples=["Ada Lovelace"])]
    reason: Annotated[Text, Meta(description="why", examples=["the fix for CVE-2026-1234"])]
    until: Annotated[
        Text, Meta(description="the moment that it ends at: a run after that fails", examples=["2026-12-31"])
    ]
    file: Annotated[Text | None, Meta(description="the file's name, for people", examples=["demo-1.0.tar.gz"])] = None


class PolicyTable(Table, frozen=True):
    """`[policy]`: what may enter the wheelhouse, in this file or in one of its own."""

    file: Annotated[
        Text | None,
        Meta(
            description="a TOML file with the keys below, which another team owns; then none of them is here",
            examples=["policy.toml"],
        ),
    ] = None
    exclude_newer: Annotated[
        Text | None,
        Meta(
            description="nothing that was uploaded later: a date, or so long ago (`7d`, `12h`, `2w`)", examples=["7d"]
        ),
    ] = None
    exclude_newer_index: Annotated[
        dict[str, Text],
        Meta(
            description="another such time for the files of an index; `0d`: no bound",
            extra={"example": '{ internal = "0d" }'},
        ),
    ] = field(default_factory=dict)
    exclude_newer_package: Annotated[
        dict[str, Text],
        Meta(description="another such time for a package", extra={"example": '{ setuptools = "2026-01-31" }'}),
    ] = field(default_factory=dict)
    allow_licenses: Annotated[
        Texts, Meta(description="SPDX identifiers: no other licence is taken", examples=[["MIT", "BSD-3-Clause"]])
    ] = ()
    deny_licenses: Annotated[
        Texts, Meta(description="SPDX identifiers that are not taken", examples=[["AGPL-3.0-only"]])
    ] = ()
    unknown_license: Annotated[
        Literal["allow", "deny"] | None,
        Meta(description="what names no licence that is known; `deny` where `allow-licenses` is given"),
    ] = None
    allow_packages: Annotated[Texts, Meta(description="names: no other package is taken", examples=[["numpy"]])] = ()
    deny_packages: Annotated[Texts, Meta(description="names that are not taken", examples=[["leftpad"]])] = ()
    yanked: Annotated[Literal["allow", "deny"], Meta(description="what its authors took back, but is pinned")] = "allow"
    advisories: Annotated[
        Text | None,
        Meta(
            description="an export of OSV: a zip, a folder or a JSON file; malware in it is always refused",
            examples=["osv.zip"],
        ),
    ] = None
    advisories_max_age: Annotated[
        Text | None, Meta(description="how old its newest entry may be", examples=["14d"])
    ] = None
    deny_severity: Annotated[
        Severity, Meta(description="the least severity that is refused; `unknown`: every advisory")
    ] = "unknown"
    only_fixed: Annotated[bool, Meta(description="only refuse where a fixed version is known")] = False
    vex: Annotated[
        Texts,
        Meta(description="OpenVEX or CycloneDX statements of what is not affected", examples=[["vex.json"]]),
    ] = ()
    waiver: Annotated[tuple[WaiverTable, ...], Meta(description="tables `[[policy.waiver]]`")] = ()
