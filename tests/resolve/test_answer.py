"""uv and pip-tools give the same answers, and the same kinds of errors, over the loopback index."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.support.graphs import MAC, PY36, PY39, Graph, question, source
from wheelyard.domain.errors import ConfigError, NoCandidateError, ResolutionError, UpstreamError
from wheelyard.resolve.answer import ask
from wheelyard.resolve.model import Question, Resolver
from wheelyard.resolve.pip_tools import PipTools
from wheelyard.resolve.uv import Uv
from wheelyard.resolve.view import Candidates

RESOLVERS = [
    Uv(),
    pytest.param(
        PipTools(),
        marks=pytest.mark.skipif(importlib.util.find_spec("piptools") is None, reason="pip-tools is not installed"),
    ),
]
both = pytest.mark.parametrize("resolver", RESOLVERS, ids=["uv", "pip-tools"])

BACKTRACKING: Graph = {
    "app": {"1.0": ["lib<2"], "2.0": ["lib>=2", "old"]},
    "old": {"1.0": ["lib<2"]},
    "lib": {"1.0": [], "1.5": [], "2.0": []},
}


def versions(resolver: Resolver, asked: Question, graph: Graph, **more: object) -> dict[str, str]:
    answer = ask(resolver, asked, source(graph, **more))  # type: ignore[arg-type]  # passed on as they are
    return {pin.name: pin.version for pin in answer.pins}


@both
@pytest.mark.parametrize(
    ("asked", "graph", "expected"),
    [
        (question("app"), BACKTRACKING, {"app": "1.0", "lib": "1.5"}),
        (question("app", constraints=["lib<1.5"]), BACKTRACKING, {"app": "1.0", "lib": "1.0"}),
        (question("lib", keep={"lib": "1.0"}), BACKTRACKING, {"lib": "1.0"}),
        (question("lib>1", keep={"lib": "1.0"}), BACKTRACKING, {"lib": "2.0"}),
        (
            question("a"),
            {"a": {"1": ["setuptools", "pip"]}, "setuptools": {"70.0": []}, "pip": {"24.0": []}},
            {"a": "1", "pip": "24.0", "setuptools": "70.0"},
        ),
        (question("a"), {"a": {"1.0": [], "2.0rc1": []}}, {"a": "1.0"}),
        (question("a>=2.0rc1"), {"a": {"1.0": [], "2.0rc1": []}}, {"a": "2.0rc1"}),
        (replace(question("a"), prereleases=True), {"a": {"1.0": [], "2.0rc1": []}}, {"a": "2.0rc1"}),
        (question("a"), {"a": {"1.0+local.1": []}}, {"a": "1.0+local.1"}),
        (question("lib", keep={"lib": "1.2"}), BACKTRACKING, {"lib": "2.0"}),
        (question("a", keep={"a": "2.0rc1"}), {"a": {"1.0": [], "2.0rc1": []}}, {"a": "2.0rc1"}),
        (question("a"), {"a": {"1": ["b>=2.0rc1"]}, "b": {"1.0": [], "2.0rc1": []}}, {"a": "1", "b": "2.0rc1"}),
        (question("a"), {"a": {"1": ["b"]}, "b": {"1.0rc1": []}}, {"a": "1", "b": "1.0rc1"}),
        (question("Zope.Interface"), {"zope-interface": {"5": []}}, {"zope-interface": "5"}),
    ],
    ids=[
        "backtracks", "constraint", "keeps", "keeps-if-it-fits", "unsafe-names", "no-prerelease",
        "explicit-prerelease", "prereleases", "local-version", "kept-is-gone", "keeps-a-prerelease",
        "a-dependency-wants-a-prerelease", "nothing-but-prereleases", "normalised",
    ],
)  # fmt: skip
def test_answers(resolver: Resolver, asked: Question, graph: Graph, expected: dict[str, str]) -> None:
    assert versions(resolver, asked, graph) == expected


MARKERS: Graph = {
    "a": {
        "1": [
            "tomli; python_version < '3.11'",
            "dataclasses; python_version < '3.7'",
            "appnope; sys_platform == 'darwin'",
            "arm; platform_machine == 'arm64'",
            "exact; python_full_version >= '3.9.17' and python_full_version < '3.10'",
        ]
    },
    "tomli": {"1": []},
    "dataclasses": {"1": []},
    "appnope": {"1": []},
    "arm": {"1": []},
    "exact": {"1": []},
}


@both
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (PY39, {"a", "tomli", "exact"}),
        (PY36, {"a", "tomli", "dataclasses"}),
        (MAC, {"a", "appnope", "arm"}),
    ],
    ids=["3.9", "3.6", "mac"],
)
def test_markers_are_the_targets_own(resolver: Resolver, target: object, expected: set[str]) -> None:
    assert set(versions(resolver, question("a", target=target), MARKERS)) == expected  # type: ignore[arg-type]


@both
def test_markers_of_the_users_own_lines(resolver: Resolver) -> None:
    asked = question("lib ; python_version >= '3.10'", "app ; python_version < '3.10'")
    assert versions(resolver, asked, BACKTRACKING) == {"app": "1.0", "lib": "1.5"}


@both
def test_extras_are_followed_and_spelled_as_the_package_does(resolver: Resolver) -> None:
    graph: Graph = {
        "a": {"1": ["b[with-tls]"]},
        "b": {"1": ["c; extra == 'With_TLS'", "d; extra == 'With_TLS' and python_version < '3'", "e; extra == 'z'"]},
        "c": {"1": []},
    }
    answer = ask(resolver, question("a"), source(graph, extras={"b": ["With_TLS", "z"]}))
    pins = {pin.name: pin for pin in answer.pins}
    assert set(pins) == {"a", "b", "c"}
    assert pins["b"].extras == ("With_TLS",)
    assert pins["b"].via == ("a",)


@both
def test_who_asked(resolver: Resolver) -> None:
    answer = ask(resolver, question("app", "lib<2", constraints=["lib<9"]), source(BACKTRACKING))
    assert {pin.name: pin.via for pin in answer.pins} == {
        "app": ("-r requirements/demo.in",),
        "lib": ("-c limits.txt", "-r requirements/demo.in", "app"),
    }


@both
def test_a_yanked_version_is_taken_for_an_exact_pin_only(resolver: Resolver) -> None:
    graph: Graph = {"a": {"1.0": [], "2.0": []}}
    yanked = {"a 2.0": 'broken <b>" &'}
    assert versions(resolver, question("a"), graph, yanked=yanked) == {"a": "1.0"}
    assert versions(resolver, question("a==2.0"), graph, yanked=yanked) == {"a": "2.0"}


@both
def test_metadata_that_rules_the_target_out_sends_the_resolver_on(resolver: Resolver) -> None:
    graph: Graph = {"a": {"1": [], "2": [], "3": ["b @ https://elsewhere.invalid/b-1-py3-none-any.whl"]}}
    needs = {"a 1": ">=3.6", "a 2": ">=3.10"}
    assert versions(resolver, question("a"), graph, requires_python=needs) == {"a": "1"}


@both
@pytest.mark.parametrize(
    ("lines", "graph", "words"),
    [
        (["app==2.0"], BACKTRACKING, ["app", "lib>=2", "old", "lib<2"]),
        (["a", "b"], {"a": {"1": ["c<2"]}, "b": {"1": ["c>=2"]}, "c": {"1": [], "2": []}}, ["c<2", "c>=2"]),
        (["lib==9"], BACKTRACKING, ["lib==9"]),
    ],
    ids=["deep", "two-want-another", "no-such-version"],
)
def test_conflicts_say_who_wants_what(resolver: Resolver, lines: Sequence[str], graph: Graph, words: list[str]) -> None:
    with pytest.raises(ResolutionError) as caught:
        ask(resolver, question(*lines), source(graph))
    text = str(caught.value)
    assert "target el9" in text
    for word in words:
        assert word in text
    for plumbing in ("127.0.0.1", "Traceback", "py3-none-any", "0.in", "registry"):
        assert plumbing not in text


@both
def test_an_unknown_project_is_named_with_who_wants_it(resolver: Resolver) -> None:
    with pytest.raises(ResolutionError, match="no index has a project named nunpy") as caught:
        ask(resolver, question("nunpy"), source({}))
    assert "requirements/demo.in" in str(caught.value)
    with pytest.raises(ResolutionError, match=r"no index has a project named b \(wanted by a 1\)"):
        ask(resolver, question("a"), source({"a": {"1": ["b>1"]}}))


@both
def test_all_misspelt_names_are_told_with_what_is_meant(resolver: Resolver) -> None:
    with pytest.raises(ResolutionError) as caught:
        ask(resolver, question("nunpy", "a", "reqeusts>2"), source({"a": {"1": []}}))
    assert "named nunpy (wanted by" in caught.value.message
    assert "nor a project named reqeusts (wanted by" in caught.value.message
    assert (caught.value.hint or "").startswith("did you mean numpy and requests? ")


@both
def test_what_exists_for_others_only_is_no_candidate(resolver: Resolver) -> None:
    refused: Mapping[str, Mapping[str, str]] = {"a": {"1.0": "it has wheels for cp311; the target is cp39; no sdist"}}
    with pytest.raises(NoCandidateError, match="cp311; the target is cp39"):
        ask(resolver, question("a"), source({"a": {}}, refused=refused))
    refused = {"a": {"2.0": "needs Python >=3.10"}}
    with pytest.raises(NoCandidateError, match=r"a 2\.0: needs Python >=3.10"):
        ask(resolver, question("a==2"), source({"a": {"1.0": []}}, refused=refused))
    with pytest.raises(ResolutionError, match=r"not for this target: a 2\.0: needs Python >=3.10"):
        ask(resolver, question("a>=1.5"), source({"a": {"1.0": []}}, refused=refused))


@both
def test_only_versions_that_would_have_helped_are_mentioned(resolver: Resolver) -> None:
    refused = {"c": {"1.5": "needs Python >=3.10", "3.0": "needs Python >=3.12"}}
    graph: Graph = {"a": {"1": ["c>=2"]}, "b": {"1": ["c<2.5"]}, "c": {"1.0": [], "3.5": []}}
    with pytest.raises(ResolutionError) as caught:
        ask(resolver, question("a", "b"), source(graph, refused=refused))
    assert "not for this target" not in str(caught.value)
    refused = {"c": {"2.2": "needs Python >=3.10"}}
    with pytest.raises(ResolutionError, match=r"not for this target: c 2\.2: needs Python >=3\.10"):
        ask(resolver, question("a", "b"), source(graph, refused=refused))


@both
def test_an_error_of_the_source_reaches_the_user_as_it_is(resolver: Resolver) -> None:
    def broken(name: str) -> Candidates | None:
        raise UpstreamError("the index is down", where="somewhere")

    with pytest.raises(UpstreamError, match="the index is down"):
        ask(resolver, question("a"), broken)


@both
def test_a_line_that_is_no_requirement(resolver: Resolver) -> None:
    with pytest.raises(ConfigError, match="not a requirement: a =>1") as caught:
        ask(resolver, question("a =>1"), source({}))
    assert caught.value.where == "requirements/demo.in"
