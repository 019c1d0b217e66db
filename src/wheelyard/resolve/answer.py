"""Ask a resolver, and give back either pins or an error that a person understands."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.domain.errors import NoCandidateError, ResolutionError
from wheelyard.resolve.model import Pin, Question, Resolver
from wheelyard.resolve.view import CandidateSource, View
from wheelyard.resolve.well_known import meant
from wheelyard.schema.problems import nearest
from wheelyard.targets.environment import environment
from wheelyard.wheels.core_metadata import CoreMetadata

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXACT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[A-Za-z0-9.+!]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Pins, with the metadata of each."""

    pins: tuple[Pin, ...]
    metadata: dict[str, CoreMetadata]
    """By normalised name."""
    warnings: tuple[str, ...] = ()
    """What a person should know of it, though it is an answer."""


def ask(resolver: Resolver, question: Question, source: CandidateSource, *, direct: Container[str] = ()) -> Answer:
    """Serve a source to a resolver and return its answer, extras spelled as the packages spell them.

    :raises ResolutionError: if there is no answer, or a project that nobody has.
    :raises NoCandidateError: if what is asked for exists, but not for the target.
    :raises WheelyardError: whatever went wrong in the source.
    """
    with View(source, environment(question.target), direct=direct, overrides=question.overrides) as view:
        try:
            found = resolver.resolve(question, view.url)
        except ResolutionError as error:
            view.reraise()
            raise _explained(error, view, question) from error
        view.check((pin.name, pin.version) for pin in found.pins)
        metadata = {pin.name: view.metadata(pin.name, pin.version) for pin in found.pins}
        warnings = [text for pin in found.pins for text in _doubts(pin, metadata[pin.name], view, question)]
    return Answer(
        pins=tuple(_spelled(pin, metadata[pin.name]) for pin in found.pins),
        metadata=metadata,
        warnings=(*warnings, *found.warnings),
    )


def _doubts(pin: Pin, metadata: CoreMetadata, view: View, question: Question) -> Iterator[str]:
    """Yield what is odd about a pin: an extra that is not there (pip installs without a word), a yanked version."""
    known = {canonicalize_name(extra): extra for extra in metadata.extras}
    for extra in pin.extras:
        if canonicalize_name(extra) not in known:
            near = nearest(canonicalize_name(extra), known) or "it has no extras"
            yield f"{pin.name} {pin.version} has no extra {extra!r}{_wanted_by(pin.name, view, question)}: {near}"
    candidates = view.asked().get(pin.name)
    for version in candidates.versions if candidates else ():
        if version.version == pin.version and version.yanked is not None:
            yield f"{pin.name} {pin.version} is yanked upstream, but pinned: {version.yanked or 'no reason is given'}"


def _spelled(pin: Pin, metadata: CoreMetadata) -> Pin:
    spelling = {canonicalize_name(extra): extra for extra in metadata.extras}
    extras = tuple(sorted({spelling.get(canonicalize_name(extra), extra) for extra in pin.extras}))
    return Pin(name=pin.name, version=pin.version, extras=extras, via=pin.via)


def _explained(error: ResolutionError, view: View, question: Question) -> ResolutionError | NoCandidateError:
    """Add to a resolver's words what only we know: what exists but was not shown to it, and why."""
    where = f"target {question.target.name}"
    mentioned = {canonicalize_name(word) for word in _WORD.findall(error.message)}
    told = view.asked()
    if any(told.get(name, ()) is None for name in mentioned):  # a resolver ends at the first
        mentioned |= view.look(_required(question))
    asked = {name: candidates for name, candidates in view.asked().items() if name in mentioned}
    missing = sorted(name for name, candidates in asked.items() if candidates is None)
    if missing:
        named = [f"a project named {name}{_wanted_by(name, view, question)}" for name in missing]
        near = " and ".join(filter(None, map(meant, missing)))
        return ResolutionError(
            f"no index has {', nor '.join(named)}",
            where=where,
            hint=f"{f'did you mean {near}? ' if near else ''}check the spelling, and that its index is configured",
        )
    for name, version in _unavailable(error.message, view, asked):
        known = f"{name} {version}" if version else name
        refused = {version: view.refusals(name)[version]} if version else view.refusals(name)
        why = "; ".join(list(_facts(name, refused))[-3:]) or "its index lists no files"
        return NoCandidateError(
            f"nothing of {known} fits{_wanted_by(name, view, question)}: {why}",
            where=where,
            hint="choose another version, allow building from source, or change the target",
        )
    facts = [fact for name in sorted(asked) for fact in list(_facts(name, _helpful(name, view, question)))[-3:]]
    message = "\n  ".join([error.message, *(f"not for this target: {fact}" for fact in facts)])
    return ResolutionError(message, where=where, hint=error.hint)


def _required(question: Question) -> Iterator[NormalizedName]:
    """Yield the names of what the user requires."""
    for line in itertools.chain(*question.requirements.values()):
        if match := _WORD.match(line):
            yield canonicalize_name(match[0])


def _helpful(name: str, view: View, question: Question) -> dict[str, str]:
    """Return the refused versions of a project that everybody could have agreed on, were it not for the target."""
    wanted: dict[str, list[SpecifierSet]] = {}
    for lines in (*question.requirements.values(), *question.constraints.values()):
        for line in lines:
            wanted.setdefault(line, []).extend(_specifiers(name, [line]))
    for (requirer, _), metadata in view.read().items():
        wanted.setdefault(requirer, []).extend(_specifiers(name, metadata.requires))
    return {
        version: reason
        for version, reason in view.refusals(name).items()
        if all(
            any(specifier.contains(version, prereleases=True) for specifier in of_requirer)
            for of_requirer in wanted.values()
            if of_requirer
        )
    }


def _specifiers(name: str, lines: Iterable[str]) -> Iterator[SpecifierSet]:
    for line in lines:
        with contextlib.suppress(InvalidRequirement):
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == name:
                yield requirement.specifier


def _unavailable(text: str, view: View, asked: Container[str]) -> Iterator[tuple[str, str | None]]:
    """Yield what was wanted and exists, but of which the target can have nothing."""
    for name, candidates in view.asked().items():
        if name in asked and candidates is not None and not candidates.versions:
            yield name, None
    for found in _EXACT.finditer(text):
        name = canonicalize_name(found["name"])
        for version in view.refusals(name):
            if _same(version, found["version"].rstrip(".")):
                yield name, version


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def _wanted_by(name: str, view: View, question: Question) -> str:
    """Return `` (wanted by …)``, or nothing where nobody is known."""

    def asks(line: str) -> bool:
        match = _WORD.match(line)
        return match is not None and canonicalize_name(match[0]) == name

    files = [origin for origin, lines in question.requirements.items() if any(map(asks, lines))]
    projects = [f"{each} {version}" for (each, version), core in view.read().items() if any(map(asks, core.requires))]
    wanting = [*files, *sorted(projects)[:3]]
    return f" (wanted by {', '.join(wanting)})" if wanting else ""


def _facts(name: str, refused: dict[str, str]) -> Iterator[str]:
    """Yield one line for every reason, with the versions it holds for."""
    by_reason: dict[str, list[str]] = {}
    for version, reason in refused.items():
        by_reason.setdefault(reason, []).append(version)
    for reason, versions in by_reason.items():
        ordered = sorted(versions, key=Version)
        span = ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]} ({len(ordered)} versions)"
        yield f"{name} {span}: {reason}"
