"""What the policy lets a resolver see: a file that is refused is one that cannot be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.lock.select import version_of
from wheelyard.policy import evidence, moments
from wheelyard.policy.judge import judge, told
from wheelyard.policy.model import AdmissionPolicy
from wheelyard.wheels.core_metadata import CoreMetadata
from wheelyard.wheels.licence import license_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A policy, and the moment that it is asked at."""

    policy: AdmissionPolicy
    published: bool = True
    """Whether what is chosen is published: the licence of what only builds something is nobody's concern."""
    at: datetime = field(default_factory=moments.now)

    def admitted(self, page: ProjectPage) -> tuple[ProjectPage, dict[str, str]]:
        """Return a page without the files that are refused, and why, by their version."""
        if not self.policy.demands:
            return page, {}
        kept: list[RemoteFile] = []
        refused: dict[str, str] = {}
        for file in page.files:
            version = version_of(file, page.name)
            ruling = judge(evidence.of_remote(file, page.name, version), self.policy, at=self.at) if version else None
            if ruling is None or ruling.passes:
                kept.append(file)
            else:
                refused[ruling.file.version] = told(ruling)
        return replace(page, files=tuple(kept)), refused

    def refusal(self, name: str, version: str, file: RemoteFile) -> Callable[[CoreMetadata], str | None]:
        """Return the judge of a file once its metadata is known."""

        def refusal(metadata: CoreMetadata) -> str | None:
            if not (self.policy.demands and self.published):
                return None
            known = replace(evidence.of_remote(file, name, version), license=license_of(metadata))
            return told(judge(known, self.policy, at=self.at)) or None

        return refusal
