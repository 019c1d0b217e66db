"""One run of a mirror: ask, choose, fetch what is new, follow what changed, publish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheelyard.domain.errors import Failures, HashMismatchError, NoCandidateError, WheelyardError
from wheelyard.domain.events import JobFinished, JobStarted, Reporter, StageFinished, StageStarted, Warned, silent
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.site import Entry, Wheel
from wheelyard.index import site_state
from wheelyard.index.claim import check_place
from wheelyard.index.publish import publish
from wheelyard.lock.admission import Admission
from wheelyard.mirror.admitting import check_admitted
from wheelyard.mirror.choose import choose, requirements_of, version_of
from wheelyard.mirror.model import Mirrored, Removed, Wish
from wheelyard.policy import moments
from wheelyard.policy.judge import check_policy
from wheelyard.policy.model import AdmissionPolicy
from wheelyard.sdist import reader
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.fetch import fetch
from wheelyard.wheels.facts import facts

VANISHED = "removed upstream"
"""The reason that a marked file is yanked with."""


Key: TypeAlias = tuple[str, str, frozenset[str]]
"""A project's normalised name, a specifier, and extras."""


@dataclass(slots=True)
class _Found:
    """What upstream says of everything that was asked for."""

    pages: dict[str, Mapping[str, RemoteFile]] = field(default_factory=dict)
    """By project and file name; only pages that could be read."""
    chosen: dict[str, tuple[str, RemoteFile]] = field(default_factory=dict)
    """By file name: project and file."""
    refused: dict[str, str] = field(default_factory=dict)
    """By project: why its newest version that the policy refuses is refused."""
    without: set[str] = field(default_factory=set)
    """Projects of which no file was chosen."""
    failures: list[WheelyardError] = field(default_factory=list)


def mirror(
    wish: Wish,
    *,
    client: Client,
    store: Store,
    into: Path,
    keys: Sequence[Path] = (),
    report: Reporter = silent,
    grace: float = 0,
) -> Mirrored:
    """Bring a wheelhouse to what a wish means. What is there is neither fetched nor hashed again.

    What cannot be had is told in ``failures``; everything else is published. A file whose bytes changed upstream under
    the same name is such a failure: ours stays.

    :param keys, grace: as for ``publish``.
    :raises StorageError: if the wheelhouse cannot be written, or was not made here.
    :raises WheelError: if two files cannot lie in one wheelhouse.
    """
    check_place(into)
    check_policy(wish.policy, moments.now())
    before = site_state.load(into)
    known = {entry.wheel.filename: entry for entry in before.extra}
    report(StageStarted(stage="mirror", jobs=len(wish.projects)))
    found = _ask(wish, client, report)
    _tell_missing(wish, found, known.values(), report)
    followed = {name: _follow(entry, found, wish.removed) for name, entry in known.items()}
    kept = {name: entry for name, entry in followed.items() if entry is not None}
    new = _fetch_new(found, known, policy=wish.policy, client=client, store=store, into=into, report=report)
    extra = sorted({**kept, **new}.values(), key=lambda entry: entry.wheel.filename)
    report(StageFinished(stage="mirror"))
    publish(replace(before, extra=tuple(extra)), store=store, into=into, keys=keys, report=report, grace=grace)
    changed = {name for name, entry in kept.items() if entry.wheel.yanked != known[name].wheel.yanked}
    marked = {name for name in changed if kept[name].wheel.yanked is not None}
    return Mirrored(
        added=tuple(sorted(new)),
        marked=tuple(sorted(marked)),
        unmarked=tuple(sorted(changed - marked)),
        dropped=tuple(sorted(known.keys() - kept.keys())),
        vanished=tuple(sorted(name for name, entry in known.items() if _is_gone(entry, found))),
        unchanged=len(kept) - len(changed),
        projects=len(found.pages),
        bytes=sum(entry.wheel.size for entry in new.values()),
        failures=tuple(found.failures),
    )


def _ask(wish: Wish, client: Client, report: Reporter) -> _Found:
    """Read the pages of all projects, and where asked for of what they depend on, until nothing new comes up."""
    found = _Found()
    wanted: set[Key] = {_key(requirement) for requirement in wish.projects}
    done: set[Key] = set()
    while wanted:
        client.prefetch(sorted({name for name, _, _ in wanted}))
        chosen = {key: _choose(key, wish, client, found, report) for key in sorted(wanted, key=str)}
        done |= wanted
        wanted = set()
        if wish.dependencies:
            wheels = {key: _one_a_version(files) for key, files in chosen.items()}
            client.prefetch_metadata(file for files in wheels.values() for file in files)
            for (_, _, extras), files in wheels.items():
                wanted |= _needed(files, extras, wish, client, found)
            wanted -= done
    return found


def _key(requirement: Requirement) -> Key:
    return canonicalize_name(requirement.name), str(requirement.specifier), frozenset(requirement.extras)


def _choose(key: Key, wish: Wish, client: Client, found: _Found, report: Reporter) -> tuple[RemoteFile, ...]:
    name, specifier, _ = key
    report(JobStarted(stage="mirror", job=name))
    try:
        page = client.project(name)
    except WheelyardError as error:
        found.failures.append(error)
        report(JobFinished(stage="mirror", job=name, outcome="failed", note=error.message))
        return ()
    found.pages[name] = {file.filename: file for file in page.files}
    admitted, refused = Admission(policy=wish.policy).admitted(page)
    for version, why in refused.items():
        found.refused[name] = f"{name} {version}: {why}"
    chosen = choose(admitted.files, SpecifierSet(specifier), wish)
    found.chosen.update({file.filename: (name, file) for file in chosen})
    if not chosen:
        found.without.add(name)
    report(JobFinished(stage="mirror", job=name, outcome="done" if chosen else "failed", note=f"{len(chosen)} files"))
    return chosen


def _one_a_version(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Return a wheel for each version: the wheels of one version require the same, markers tell the rest."""
    return tuple({version_of(file.filename): file for file in files if file.is_wheel}.values())


def _needed(files: Iterable[RemoteFile], extras: frozenset[str], wish: Wish, client: Client, found: _Found) -> set[Key]:
    needed: set[Key] = set()
    for file in files:
        try:
            metadata = client.metadata(file)
        except WheelyardError as error:
            found.failures.append(error)
            continue
        needed.update(_key(requirement) for requirement in requirements_of(metadata, wish, extras))
    return needed


def _tell_missing(wish: Wish, found: _Found, known: Iterable[Entry], report: Reporter) -> None:
    """Tell which projects came to nothing: a failure if it was asked for by name and we have none of it either."""
    ours = {canonicalize_name(entry.wheel.name) for entry in known}
    asked = {canonicalize_name(requirement.name) for requirement in wish.projects}
    for name in sorted(found.without - ours):
        text = "upstream has no such project, or no file of it that specifier and targets allow"
        if name in found.refused:
            text = f"no file of it may enter: {found.refused[name]}"
        if name in asked:
            found.failures.append(NoCandidateError(text, where=name))
        else:
            report(Warned(message=f"{name} (required by others): {text}"))


def _is_gone(entry: Entry, found: _Found) -> bool:
    """Whether a file was upstream's, upstream was asked, answered, and has it no more."""
    page = found.pages.get(canonicalize_name(entry.wheel.name))
    return entry.origin == "upstream" and page is not None and entry.wheel.filename not in page


def _follow(entry: Entry, found: _Found, removed: Removed) -> Entry | None:
    """Return an entry as upstream has it now: yanked, not yanked any more, or gone."""
    if _is_gone(entry, found):
        if removed == "drop":
            return None
        yanked = VANISHED if removed == "mark" else entry.wheel.yanked
        return replace(entry, wheel=replace(entry.wheel, yanked=yanked))
    remote = found.pages.get(canonicalize_name(entry.wheel.name), {}).get(entry.wheel.filename)
    if remote is None or entry.origin != "upstream":
        return entry
    if remote.sha256 is not None and remote.sha256 != entry.wheel.sha256:
        found.failures.append(
            HashMismatchError(
                f"upstream has other bytes under this name now: sha256 {remote.sha256}, ours is {entry.wheel.sha256}",
                where=entry.wheel.filename,
                hint="ours is kept; find out why before you trust either",
            )
        )
        return entry
    return replace(entry, wheel=replace(entry.wheel, yanked=remote.yanked, provenance=remote.provenance))


def _fetch_new(
    found: _Found,
    known: Mapping[str, Entry],
    *,
    policy: AdmissionPolicy,
    client: Client,
    store: Store,
    into: Path,
    report: Reporter,
) -> dict[str, Entry]:
    missing = {name: each for name, each in found.chosen.items() if name not in known}
    try:
        if missing:
            fetch([file for _, file in missing.values()], store=store, client=client, root=into, report=report)
    except Failures as several:
        found.failures += several.errors
    except WheelyardError as error:
        found.failures.append(error)
    new = {}
    for filename, (project, file) in missing.items():
        if file.sha256 is None or not store.has(file.sha256):
            continue
        try:
            entry = Entry(wheel=_wheel(project, file, file.sha256, store), origin="upstream", source=file.index)
            check_admitted(entry, policy, store)
            new[filename] = entry
        except WheelyardError as error:
            found.failures.append(error)
            report(Warned(message=f"left out: {error}"))
    return new


def _wheel(project: str, file: RemoteFile, sha256: str, store: Store) -> Wheel:
    """Return a file of the pool, strictly checked.

    :raises WheelError: if it is damaged, hostile, or not of this project.
    """
    requires_python = file.requires_python
    imports: tuple[str, ...] = ()
    if file.is_wheel:
        summary = facts(store, file.filename, sha256)
        requires_python, imports = summary.requires_python, summary.modules
    else:
        reader.read(store.path(sha256), filename=file.filename)
    return Wheel(
        filename=file.filename,
        sha256=sha256,
        size=store.path(sha256).stat().st_size,
        name=project,
        version=str(version_of(file.filename)),
        requires_python=requires_python,
        yanked=file.yanked,
        upload_time=file.upload_time,
        provenance=file.provenance,
        imports=imports,
    )
