"""The rules, one by one, as pure functions; and mistakes in a policy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wheelyard.domain.errors import ConfigError, Failures, PolicyError
from wheelyard.policy.judge import check_policy, judge
from wheelyard.policy.model import AdmissionPolicy, Evidence
from wheelyard.policy.read import load
from wheelyard.wheels.licence import License

AT = datetime(2026, 3, 1, tzinfo=UTC)


def policy(tmp_path: Path, text: str) -> AdmissionPolicy:
    (tmp_path / "policy.toml").write_text(text)
    return load(tmp_path / "policy.toml")


def a_file(licence: str | None = None, **more: object) -> Evidence:
    told = License(expression=licence, source="none", declared="", shown="")
    known: dict[str, object] = {"upload_time": "2026-02-01T00:00:00Z", "index": "main", "license": told}
    values = {"filename": "demo-1.0-py3-none-any.whl", "name": "demo", "version": "1.0", "sha256": "a" * 64}
    return Evidence(**{**values, **known, **more})  # type: ignore[arg-type]


def refusals(file: Evidence, rules: AdmissionPolicy) -> list[str]:
    return [objection.rule for objection in judge(file, rules, at=AT).refusals]


@pytest.mark.parametrize(
    ("text", "file", "broken"),
    [
        ('exclude-newer = "7d"', a_file(), []),
        ('exclude-newer = "P60D"', a_file(), ["age"]),
        ('exclude-newer = "2026-01-31"', a_file(), ["age"]),
        ('exclude-newer = "2026-02-01"', a_file(), []),
        ('exclude-newer = "7d"', a_file(upload_time=None), ["age"]),
        ('exclude-newer = "7d"', a_file(upload_time="yesterday"), ["age"]),
        ('exclude-newer = "7d"', a_file(upload_time=None, local=True, index=""), []),
        ('exclude-newer = "60d"\nexclude-newer-index = { main = "0d" }', a_file(upload_time=None), []),
        ('exclude-newer = "60d"\nexclude-newer-package = { Demo = "7d" }', a_file(), []),
        ('exclude-newer-package = { demo = "2026-01-01" }', a_file(), ["age"]),
        ('deny-packages = ["Demo"]', a_file(), ["name"]),
        ('allow-packages = ["other"]', a_file(), ["name"]),
        ('yanked = "deny"', a_file(yanked=""), ["yanked"]),
        ('yanked = "allow"', a_file(yanked="bad"), []),
        ('deny-licenses = ["AGPL-3.0-only"]', a_file("AGPL-3.0-only"), ["license"]),
        ('deny-licenses = ["agpl-3.0-only"]', a_file("MIT OR AGPL-3.0-only"), []),
        ('deny-licenses = ["AGPL-3.0-only"]', a_file("MIT AND (Zlib OR AGPL-3.0-only)"), []),
        ('deny-licenses = ["AGPL-3.0-only"]', a_file("(MIT OR Zlib) AND AGPL-3.0-only"), ["license"]),
        ('allow-licenses = ["MIT"]', a_file("BSD-3-Clause"), ["license"]),
        ('allow-licenses = ["MIT"]', a_file(None), ["license"]),
        ('allow-licenses = ["MIT"]\nunknown-license = "allow"', a_file(None), []),
        ('allow-licenses = ["GPL-2.0-only WITH Classpath-exception-2.0"]', a_file("GPL-2.0-only"), ["license"]),
        (
            'allow-licenses = ["GPL-2.0-only WITH Classpath-exception-2.0"]',
            a_file("GPL-2.0-only WITH Classpath-exception-2.0"),
            [],
        ),
        ('allow-licenses = ["MIT"]', a_file(license=None), []),  # not known yet: judged before it is published
    ],
)
def test_rules(tmp_path: Path, text: str, file: Evidence, broken: list[str]) -> None:
    assert refusals(file, policy(tmp_path, text)) == broken


def advisory(identifier: str, *, severity: str = "", fixed: str = "1.1", **more: object) -> dict[str, object]:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    about = {"package": {"ecosystem": "PyPI", "name": "Demo"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    vector = [{"type": "CVSS_V3", "score": severity}] if severity else []
    return {"id": identifier, "modified": "2026-02-20T00:00:00Z", "affected": [about], "severity": vector, **more}


CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


@pytest.mark.parametrize(
    ("entry", "text", "broken"),
    [
        (advisory("PYSEC-1"), "", ["advisory"]),
        (advisory("PYSEC-1", fixed="0.9"), "", []),
        (advisory("PYSEC-1", severity=LOW), 'deny-severity = "high"', []),
        (advisory("PYSEC-1", severity=CRITICAL), 'deny-severity = "high"', ["advisory"]),
        (advisory("PYSEC-1", database_specific={"severity": "MODERATE"}), 'deny-severity = "high"', []),
        (advisory("PYSEC-1"), 'deny-severity = "high"', ["advisory"]),  # nobody has said how severe it is
        (advisory("PYSEC-1", fixed=""), "only-fixed = true", []),
        (advisory("MAL-1", fixed=""), 'only-fixed = true\ndeny-severity = "critical"', ["advisory"]),
        (advisory("PYSEC-1", withdrawn="2026-02-21T00:00:00Z"), "", []),
        (advisory("PYSEC-1", fixed="no version"), "", ["advisory"]),  # what cannot be read is not taken for clean
    ],
)
def test_advisories(tmp_path: Path, entry: dict[str, object], text: str, broken: list[str]) -> None:
    other = advisory("PYSEC-0")
    other["affected"] = [{"package": {"ecosystem": "PyPI", "name": "other"}}]
    (tmp_path / "osv.json").write_text(json.dumps([entry, other]))
    assert refusals(a_file(), policy(tmp_path, f'advisories = "osv.json"\n{text}')) == broken


VEX = {
    "open.json": {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "statements": [
            {"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:pypi/demo@1.0"}], "status": "not_affected"},
        ],
    },
    "cyclone.json": {
        "bomFormat": "CycloneDX",
        "components": [{"bom-ref": "x", "purl": "pkg:pypi/Demo"}],
        "vulnerabilities": [{"id": "CVE-1", "analysis": {"state": "not_affected"}, "affects": [{"ref": "x"}]}],
    },
}


@pytest.mark.parametrize("name", VEX)
def test_a_statement_that_it_is_not_affected_but_never_of_malware(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(VEX[name]))
    for identifier, broken in (("PYSEC-1", []), ("MAL-1", ["advisory"])):
        (tmp_path / "osv.json").write_text(json.dumps([advisory(identifier, aliases=["CVE-1"])]))
        rules = policy(tmp_path, f'advisories = "osv.json"\nvex = "{name}"')
        assert refusals(a_file(), rules) == broken
        assert refusals(a_file(version="0.9"), rules) == (["advisory"] if name == "open.json" else broken)


WAIVER = """
[[waiver]]
file = "demo-1.0-py3-none-any.whl"
sha256 = "{}"
rules = ["age", "advisory"]
by = "Ada"
reason = "the fix"
until = "{}"
"""


def test_a_waiver_is_for_one_hash_some_rules_and_a_while(tmp_path: Path) -> None:
    rules = policy(tmp_path, 'exclude-newer = "60d"\nyanked = "deny"' + WAIVER.format("a" * 64, "2026-03-02"))
    check_policy(rules, AT)
    assert refusals(a_file(), rules) == []
    assert judge(a_file(), rules, at=AT).objections[0].waiver == rules.waivers[0]
    assert refusals(a_file(yanked="bad"), rules) == ["yanked"]
    assert refusals(a_file(sha256="b" * 64), rules) == ["age"]
    assert refusals(a_file(sha256="b" * 64, made_from="a" * 64), rules) == []
    late = AT + timedelta(days=1)
    assert [objection.rule for objection in judge(a_file(), rules, at=late).refusals] == ["age"]
    with pytest.raises(PolicyError, match=r"the waiver of Ada for demo-1\.0-py3-none-any\.whl ended on 2026-03-02"):
        check_policy(rules, late)


def test_no_waiver_lets_malware_in(tmp_path: Path) -> None:
    (tmp_path / "osv.json").write_text(json.dumps([advisory("MAL-1")]))
    rules = policy(tmp_path, 'advisories = "osv.json"' + WAIVER.format("a" * 64, "2026-03-02"))
    assert refusals(a_file(), rules) == ["advisory"]


@pytest.mark.parametrize(
    ("entries", "at", "told"),
    [
        ([], AT, "has no advisory about a project of the index"),
        ([advisory("PYSEC-1")], AT, None),
        ([advisory("PYSEC-1")], AT + timedelta(days=20), "its newest entry is of 2026-02-20, older than"),
        ([advisory("PYSEC-1")], AT - timedelta(days=20), "which is to come"),
    ],
)
def test_a_database_that_is_empty_old_or_to_come_is_never_clean(
    tmp_path: Path, entries: list[object], at: datetime, told: str | None
) -> None:
    (tmp_path / "osv.json").write_text(json.dumps(entries))
    rules = policy(tmp_path, 'advisories = "osv.json"\nadvisories-max-age = "14d"')
    if told is None:
        check_policy(rules, at)
    else:
        with pytest.raises(PolicyError, match=told):
            check_policy(rules, at)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('exclude-newr = "7d"', r"policy.toml: exclude-newr: unknown key \(did you mean 'exclude-newer'\?\)"),
        ('exclude-newer = "soon"', "exclude-newer: 'soon' is neither a date nor a span of time"),
        ('allow-licenses = ["BSD"]', "allow-licenses: 'BSD' is no SPDX identifier"),
        ('allow-licenses = ["MIT OR Zlib"]', "allow-licenses: 'MIT OR Zlib' is no SPDX identifier"),
        ('allow-licenses = ["MIT"]\ndeny-licenses = ["mit"]', "allow-licenses: MIT is denied too"),
        ('allow-packages = ["a_b"]\ndeny-packages = ["A-B"]', "allow-packages: a-b is denied too"),
        ('advisories = "absent.zip"', "there is no such OSV export"),
        ('advisories-max-age = "14d"', "there are no advisories that it could be of"),
        ('file = "other.toml"', "a policy is one file"),
        (WAIVER.format("a" * 63, "2026-01-01"), "waiver.*sha256: .* is no SHA-256"),
        (WAIVER.format("a" * 64, "some day"), "waiver.*until: 'some day' is no date"),
        ("[[waiver]]\nfile = 'x'", "waiver.*by: is missing"),
        ("deny-severity = 'bad'", "deny-severity"),
    ],
)
def test_mistakes_in_a_policy_are_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises((ConfigError, Failures), match=told):
        policy(tmp_path, text)
