"""Crafted dependency graphs, served as candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.support.packages import metadata
from wheelyard.domain.target import Target
from wheelyard.resolve.model import Question
from wheelyard.resolve.view import Candidate, Candidates, CandidateSource

PY39 = Target(name="el9", python="3.9", python_full="3.9.18", platform="manylinux_2_34_x86_64", pip="21.2.3")
PY36 = Target(name="el8", python="3.6", python_full="3.6.8", platform="manylinux_2_28_x86_64", pip="9.0.3")
MAC = Target(name="mac", python="3.12", python_full="3.12.1", platform="macosx_11_0_arm64")

Graph = Mapping[str, Mapping[str, Sequence[str]]]


def source(
    graph: Graph,
    *,
    extras: Mapping[str, Sequence[str]] | None = None,
    yanked: Mapping[str, str] | None = None,
    refused: Mapping[str, Mapping[str, str]] | None = None,
    requires_python: Mapping[str, str] | None = None,
) -> CandidateSource:
    """Serve ``{"a": {"1.0": ["b>=2"]}}``; the other arguments are by name, or by ``name version``."""

    def make(name: str, version: str) -> Callable[[], bytes]:
        return lambda: metadata(
            name,
            version,
            requires=graph[name][version],
            extras=(extras or {}).get(name, ()),
            requires_python=(requires_python or {}).get(f"{name} {version}"),
        ).encode()

    def candidates(name: str) -> Candidates | None:
        if name not in graph:
            return None
        versions = [
            Candidate(version=version, metadata=make(name, version), yanked=(yanked or {}).get(f"{name} {version}"))
            for version in graph[name]
        ]
        return Candidates(versions=versions, refused=(refused or {}).get(name, {}))

    return candidates


def question(
    *lines: str, target: Target = PY39, constraints: Sequence[str] = (), keep: Mapping[str, str] | None = None
) -> Question:
    return Question(
        target=target,
        requirements={"requirements/demo.in": lines},
        constraints={"limits.txt": constraints} if constraints else {},
        preferences=keep or {},
    )
