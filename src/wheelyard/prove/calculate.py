"""The check of a package: code that calculates something and compares it, run where the folder is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wheelyard.domain.proof import Finding, Probe
from wheelyard.prove import check_probe

_RULES = 1
"""Goes into the key of a proof: raise it when a check is run in another way."""


def probe(package: str, code: str) -> Probe:
    """Return the question whether a package calculates rightly.

    :param code: Python code that ends without an error if it does.
    """

    def judge(answers: Sequence[Any], home: Path) -> Finding:  # noqa: ARG001  (a probe's signature)
        error = answers[0]["error"]
        if error is not None:
            return Finding(faults=(f"{package} does not pass its check: {error}",))
        return Finding(words=f"calculated: {package} passes its check")

    return Probe(
        name=f"check-{package}",
        script="check_probe.py",
        files={"check_probe.py": Path(check_probe.__file__).read_bytes(), "check.py": code.encode()},
        arguments=("check.py",),
        judge=judge,
        facts=("check", _RULES, package, code),
    )
