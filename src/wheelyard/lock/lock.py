"""From a configuration to one lock a target: keep what is still right, resolve the rest, write all or nothing."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from wheelyard.config.model import Config
from wheelyard.domain.errors import ConfigError, WheelyardError, together
from wheelyard.domain.events import (
    Event,
    JobFinished,
    JobStarted,
    Reporter,
    StageFinished,
    StageStarted,
    Warned,
    once,
    silent,
)
from wheelyard.domain.lock import Lock, with_build_requirements
from wheelyard.domain.target import Target
from wheelyard.io import files
from wheelyard.io.process import end_all
from wheelyard.lock import foreign, inputs, pylock, requirements_txt, same
from wheelyard.lock.direct import bring
from wheelyard.lock.lock_target import TargetLocker, resolver_named
from wheelyard.lock.ports import Backends, Upstream
from wheelyard.lock.source_trees import SourceTrees
from wheelyard.lock.unused import unused_names
from wheelyard.store.blobs import Store
from wheelyard.upstream.pool import each
from wheelyard.variants.model import never_taken


def read(config: Config, target: str) -> Lock | None:
    """Return the lock of a target as it lies beside the configuration; None where there is none.

    :raises ConfigError: if the file is no lock of ours.
    """
    found = _read(config, target)
    return found[0] if found else None


def _read(config: Config, target: str) -> tuple[Lock, bool] | None:
    """Return the lock of a target, and whether it still says what was locked."""
    path = config.root / pylock.filename(target)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    return pylock.read(text, where=path.name)


def lock(
    config: Config,
    *,
    client: Upstream,
    store: Store,
    backends: Backends,
    report: Reporter = silent,
    upgrade: bool = False,
    upgrade_packages: Iterable[str] = (),
    failed: Callable[[str, WheelyardError], None] | None = None,
    write: bool = True,
) -> dict[str, Lock]:
    """Lock every target, all at once, and write the lock files beside the configuration.

    A target whose inputs have not changed keeps its lock, and nothing is asked of anybody; of its files, what is gone
    or was changed is written again. A lock whose content was changed is made anew. Earlier versions are kept where they
    still fit.

    :param client: the indexes (``lock.indexes.Indexes``); not asked anything where there is nothing to do.
    :param backends: where sdists may run their code (``lock.sandboxes.Sandboxes``).
    :param upgrade: keep no earlier version.
    :param upgrade_packages: names that are not kept.
    :param failed: is told of each target that cannot be locked, by name; the others are. None: all or nothing.
    :param write: else the locks are only returned, and the files beside the configuration stay as they are.
    :raises Failures: what is wrong for each target (one error alone: that error); no file is then written.
    """
    found = {target.name: _read(config, target.name) for target in config.targets}
    earlier = {name: each[0] if each else None for name, each in found.items()}
    names = frozenset(canonicalize_name(name) for name in upgrade_packages)
    _check_names(names, earlier.values())
    digests = {target.name: inputs.digest(config, target) for target in config.targets}
    again = upgrade or bool(names)
    report = once(report)
    changed = {
        name for name, each in found.items() if each and _fresh(each[0], digests[name]) and not each[1] and not again
    }
    for message in _remarks(config, changed):
        report(Warned(message=message))
    stale = [
        target
        for target in config.targets
        if again
        or target.name in changed
        or not _fresh(earlier[target.name], digests[target.name])
        or _lost_sdists(config, earlier[target.name], store)
    ]
    if stale and config.same_versions:
        stale = list(config.targets)  # what one of them can have decides for all
    report(StageStarted(stage="lock", jobs=len(config.targets)))
    locks: dict[str, Lock] = {}
    errors: dict[str, WheelyardError] = {}
    for target in config.targets:
        if target not in stale and (kept := earlier[target.name]) is not None:
            locks[target.name] = kept
            report(JobFinished(stage="lock", job=target.name, outcome="reused", note=_count(kept)))
            for name in _write(config, [kept], store) if write else ():
                report(Warned(message=f"{name} was missing or changed: it is written again, as locked"))
    if stale:
        keep = {} if upgrade else {name: _without(found, names) for name, found in earlier.items() if found}
        ahead = threading.Thread(target=client.prefetch, args=[_likely(config, earlier.values())], daemon=True)
        ahead.start()
        made, errors = _lock_together(
            _Request(
                config=config,
                targets=tuple(stale),
                digests=digests,
                keep=keep,
                upstream=client,
                store=store,
                backends=backends,
                report=report,
            )
        )
        ahead.join()
        if errors and failed is None:
            raise together(errors.values())
        _write(config, made.values() if write else (), store)
        locks |= made
    if not errors and not config.rebuilt:  # a variant's lock has what it rebuilds only
        for message in unused_names(config, locks.values()):
            report(Warned(message=message))
    report(StageFinished(stage="lock"))
    if failed is not None:
        for name, error in errors.items():
            failed(name, error)
    return {target.name: locks[target.name] for target in config.targets if target.name in locks}


def _remarks(config: Config, changed: Iterable[str]) -> Iterator[str]:
    """Yield what is to be said before anything is locked.

    :param changed: targets whose lock is not what was written.
    """
    if behind := never_taken(config.variants):
        yield f"{config.path.name}: {behind}"
    for name in sorted(changed):
        yield f"{pylock.filename(name)} is not what was locked: somebody changed it; it is made anew"


def _likely(config: Config, earlier: Iterable[Lock | None]) -> tuple[str, ...]:
    """Return the projects that the resolver will most likely ask for: a resolver learns them one by one."""
    names = {package.name for found in earlier if found for package in found.packages}
    names |= {
        name
        for requirement in config.requirements
        if (name := inputs.name_of(requirement)) and requirement.direct is None
    }
    names |= {package.name for each in config.locks for package in each.packages if package.carried}
    return tuple(sorted(name for name in names if (rule := config.packages.get(name)) is None or rule.index is None))


def _check_names(names: Iterable[str], earlier: Iterable[Lock | None]) -> None:
    known = {package.name for found in earlier if found for package in found.packages}
    for name in sorted(names):
        if known and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"no lock has a package named {name}",
                where="--upgrade-package",
                hint=f"did you mean {near[0]}?" if near else "see the pylock files for what there is",
            )


def _fresh(found: Lock | None, digest: str) -> bool:
    return found is not None and found.requirements_sha256 == digest


def _lost_sdists(config: Config, found: Lock | None, store: Store) -> bool:
    """Whether an sdist that was made of a source tree lies neither beside the lock nor in the store."""
    made = (
        package.file
        for package in (found.packages if found else ())
        if package.file.path and package.file.path.startswith(f"{inputs.SDISTS}/")
    )
    return any(not (config.root / (file.path or "")).is_file() and not store.has(file.sha256) for file in made)


def _without(found: Lock, names: frozenset[str]) -> Lock:
    return replace(found, packages=tuple(package for package in found.packages if package.name not in names))


def _count(found: Lock) -> str:
    builds = sum(package.how == "build" for package in found.packages)
    return f"{len(found.packages)} packages" + (f", {builds} to build" if builds else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is to be locked, and what that is done with."""

    config: Config
    targets: tuple[Target, ...]
    digests: Mapping[str, str]
    """Of the inputs, by target."""
    keep: Mapping[str, Lock]
    """The locks whose versions are kept where they fit, by target."""
    upstream: Upstream
    store: Store
    backends: Backends
    report: Reporter


def _lock_together(request: _Request) -> tuple[dict[str, Lock], dict[str, WheelyardError]]:
    """Lock the targets, again and again until what shall have the same version everywhere has (see ``same``)."""

    def warnings(event: Event) -> None:
        if isinstance(event, Warned):
            report(event)

    report = request.report
    while True:
        made, errors = _lock_all(request)
        lower = tuple(same.bounds(request.config, made.values()))
        if errors or not lower:
            return made, errors
        config = replace(request.config, constraints=(*request.config.constraints, *lower))
        request = replace(request, config=config, report=warnings)


def _lock_all(request: _Request) -> tuple[dict[str, Lock], dict[str, WheelyardError]]:
    """Lock the targets side by side; return the locks, and what went wrong, by the names of targets."""
    config, report = request.config, request.report
    chosen: dict[str, Config] = {}
    errors: dict[str, WheelyardError] = {}
    for target in request.targets:
        try:
            chosen[target.name] = foreign.for_target(config, target)
        except WheelyardError as failure:
            report(JobFinished(stage="lock", job=target.name, outcome="failed", note=failure.message.splitlines()[0]))
            errors[target.name] = failure
    trees = SourceTrees(
        config=config,
        resolver=resolver_named(config.resolver),
        upstream=request.upstream,
        store=request.store,
        backends=request.backends,
        earlier={
            package.file.made_from.repository: package.file
            for lock in request.keep.values()
            for package in lock.packages
            if package.file.made_from is not None
        },
        report=report,
    )
    direct = {
        wanted.direct: bring(wanted, root=config.root, upstream=request.upstream, store=request.store, trees=trees)
        for asking in (config, *chosen.values())
        for wanted in (*asking.requirements, *asking.constraints)
        if wanted.direct is not None
    }
    made: dict[str, Lock] = {}
    possible = [target for target in request.targets if target.name in chosen]

    def one(target: Target) -> None:
        report(JobStarted(stage="lock", job=target.name))
        locker = TargetLocker(
            config=chosen[target.name],
            locks=config.locks,
            target=target,
            digest=request.digests[target.name],
            keep=request.keep.get(target.name),
            direct=direct,
            upstream=request.upstream,
            store=request.store,
            backends=request.backends,
            report=report,
        )
        try:
            made[target.name] = locker.lock()
        except WheelyardError as error:
            report(JobFinished(stage="lock", job=target.name, outcome="failed", note=error.message.splitlines()[0]))
            raise
        report(JobFinished(stage="lock", job=target.name, outcome="done", note=_count(made[target.name])))

    try:
        for target, error in each(possible, one, jobs=len(possible) or 1, name="lock"):
            if isinstance(error, WheelyardError):
                errors[target.name] = error
            elif error is not None:
                raise error
    except BaseException:  # Ctrl-C: resolvers and builds of the other threads end too, and tidy up
        end_all()
        for thread in threading.enumerate():
            if thread.name.startswith("lock-"):
                thread.join(2.0)
        raise
    names = [target.name for target in request.targets]
    return {name: made[name] for name in names if name in made}, {
        name: errors[name] for name in names if name in errors
    }


def _write(config: Config, locks: Iterable[Lock], store: Store) -> list[str]:
    """Write requirements first: the pylock says what is done. Return the names of what was not there already."""
    locks = tuple(locks)
    beside = {
        str(file.path): store.path(file.sha256)
        for target_lock in locks
        for package in with_build_requirements(target_lock.packages)
        for file in package.made_locks
        if store.has(file.sha256)
    }
    for name, blob in beside.items():
        files.write(config.root / name, blob.read_bytes())
    return [
        name
        for target_lock in locks
        for name, text in (
            (requirements_txt.filename(target_lock.target), requirements_txt.dumps(target_lock)),
            (pylock.filename(target_lock.target), pylock.dumps(target_lock)),
        )
        if files.write(config.root / name, text)
    ]
