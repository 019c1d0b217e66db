"""Licences, by SPDX expression (PEP 639): one way to use the file must be allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from wheelyard.policy.model import AdmissionPolicy, Evidence, Objection


def judge(file: Evidence, policy: AdmissionPolicy, at: datetime) -> Iterator[Objection]:  # noqa: ARG001  (as all rules)
    """Object to a licence that is denied, not allowed or not known."""
    if file.license is None or not (policy.allow_licenses or policy.deny_licenses or policy.unknown_license == "deny"):
        return
    expression = file.license.expression
    if expression is None:
        if policy.unknown_license == "deny":
            said = f"it says {file.license.declared[:60]!r}" if file.license.declared else "it says none"
            yield Objection(rule="license", message=f"no licence that is known: {said}", evidence=file.license.declared)
    elif not permits(expression, policy):
        yield Objection(rule="license", message=f"its licence is {expression}", evidence=expression)


def permits(expression: str, policy: AdmissionPolicy) -> bool:
    """Whether a policy permits a licence: of ``OR`` one side is enough, of ``AND`` both are needed.

    :param expression: an SPDX expression.
    """
    # Late: it takes longer to import than most runs take, and few have rules for licences.
    from license_expression import Licensing

    spdx = Licensing()

    def permitted(node: object) -> bool:
        if isinstance(node, spdx.OR):
            return any(map(permitted, node.args))
        if isinstance(node, spdx.AND):
            return all(map(permitted, node.args))
        whole = str(node)
        names = {whole, whole.partition(" WITH ")[0]}  # with an exception it may be named with it, or without
        return not names & policy.deny_licenses and (not policy.allow_licenses or bool(names & policy.allow_licenses))

    return permitted(spdx.parse(expression))
