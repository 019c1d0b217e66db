"""Rulings as other programs read them: rows of JSON, and SARIF 2.1.0 (OASIS)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wheelyard.policy.model import RULES, Ruling


def row(ruling: Ruling) -> dict[str, object]:
    """Return one ruling as JSON: the file, its hash, and each objection with its rule and evidence."""
    return {
        "event": "ruling",
        "file": ruling.file.filename,
        "name": ruling.file.name,
        "version": ruling.file.version,
        "sha256": ruling.file.sha256,
        "passes": ruling.passes,
        "objections": [
            {
                "rule": objection.rule,
                "message": objection.message,
                "evidence": objection.evidence,
                "waived_by": objection.waiver.by if objection.waiver else None,
                "waived_until": objection.waiver.until.isoformat() if objection.waiver else None,
            }
            for objection in ruling.objections
        ],
    }


def sarif(rulings: Sequence[Ruling]) -> str:
    """Return what is refused as a SARIF log: a result for each objection, the file as its artifact."""
    results = [
        {
            "ruleId": objection.rule,
            "level": "error",
            "message": {"text": f"{ruling.file.filename}: {objection.message}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": ruling.file.filename}}}],
            "partialFingerprints": {"sha256": ruling.file.sha256 or ""},
        }
        for ruling in rulings
        for objection in ruling.refusals
    ]
    driver = {"name": "wheelyard", "rules": [{"id": rule} for rule in RULES]}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=1) + "\n"
