"""What a lock that another tool made has for one target: its versions as they are, or by name what it has not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.config.model import Config, PackageRule
from wheelyard.domain.errors import ConfigError, ResolutionError
from wheelyard.domain.foreign_lock import ForeignLock, ForeignPackage
from wheelyard.domain.requirement import Requirement
from wheelyard.domain.target import Target
from wheelyard.resolve.metadata import python_fits
from wheelyard.resolve.model import Pin
from wheelyard.targets.environment import environment

_EXTRA = re.compile(r"""\bextra\s*(?P<sign>==|!=)\s*(?P<quote>['"])(?P<name>[^'"]*)(?P=quote)""")
_TRUE, _FALSE = 'python_version >= "0"', 'python_version < "0"'


def for_target(config: Config, target: Target) -> Config:
    """Return the configuration with the target's own constraints, and what locks have for it as requirements.

    :raises ConfigError: if an entry cannot be carried to another host.
    :raises ResolutionError: if a lock was not made for such a target.
    """
    own = config.target_constraints.get(target.name, ())
    if not config.locks and not own:
        return config
    requirements, overrides = list(config.requirements), list(config.overrides)
    rules: dict[str, PackageRule] = dict(config.packages)
    for lock in config.locks:
        for package, extras in _chosen(lock, target):
            if package.name in config.excluded:
                continue
            requirements.append(_requirement(package, extras, lock.origin))
            if package.index is not None:
                rule = rules.get(package.name) or PackageRule(name=package.name)
                rules[package.name] = dataclasses.replace(rule, index=rule.index or package.index)
        overrides += lock.overrides
    return dataclasses.replace(
        config,
        requirements=tuple(requirements),
        constraints=(*config.constraints, *own),
        overrides=tuple(dict.fromkeys(overrides)),
        packages=MappingProxyType(rules),
        locks=(),
    )


def check_complete(locks: Iterable[ForeignLock], pins: Iterable[Pin], target: Target) -> None:
    """Look whether a lock's packages ask for what it has not, and nobody else asks for.

    :raises ResolutionError: naming all of that.
    """
    pins = tuple(pins)
    for lock in locks:
        there = {package.name for package, _ in _chosen(lock, target)}
        gone: dict[str, str] = {}
        for pin in pins:
            asking = [asker for asker in pin.via if asker in there]
            if not asking or any(asker.startswith("-r ") for asker in pin.via):
                continue
            gone[pin.name] = f"{pin.name}, which {', '.join(asking)} needs there{_elsewhere(lock, pin.name)}"
        if gone:
            listed = " ".join(gone)
            raise ResolutionError(
                f"has no {'; no '.join(gone.values())}",
                where=f"{lock.origin} for target {target.name}",
                hint=f"lock again for such a host ({lock.tool}), or require it yourself beside the lock: {listed}",
            )


def _elsewhere(lock: ForeignLock, name: str) -> str:
    markers = sorted({package.marker for package in lock.packages if package.name == name and package.marker})
    return f" (it has one where {' or '.join(markers)})" if markers else ""


def _requirement(package: ForeignPackage, extras: frozenset[str], origin: str) -> Requirement:
    if package.refused is not None:
        raise ConfigError(
            package.refused,
            where=package.where,
            hint=f'require a file of it, and leave this out: exclude-dependencies = ["{package.name}"]',
        )
    listed = f"[{','.join(sorted(extras))}]" if extras else ""
    text = f"{package.name}{listed}"
    text = f"{text}=={package.version}" if package.direct is None else f"{text} @ {package.direct}"
    return Requirement(text=text, origin=origin, line=0, direct=package.direct, hashes=package.hashes)


def _chosen(lock: ForeignLock, target: Target) -> list[tuple[ForeignPackage, frozenset[str]]]:
    """Return the packages that a lock has for a target, with the extras that are asked of each, by name."""
    where = f"{lock.origin} for target {target.name}"
    hint = f"lock again for such a host ({lock.tool}), or take the target out"
    variables = environment(target)
    if not python_fits(lock.requires_python, target.python_full):
        raise ResolutionError(
            f"was made for Python {lock.requires_python}, not for {target.python_full}", where=where, hint=hint
        )
    if lock.environments and not any(_holds(each, lock, variables) for each in lock.environments):
        raise ResolutionError(f"was made for other hosts: {' or '.join(lock.environments)}", where=where, hint=hint)
    reached = _walked(lock, variables) if lock.roots is not None else _flat(lock, variables)
    chosen: dict[str, ForeignPackage] = {}
    extras: dict[str, frozenset[str]] = {}
    for package in lock.packages:
        if package.key not in reached or not package.carried:
            continue
        other = chosen.setdefault(package.name, package)
        if (other.version, other.direct) != (package.version, package.direct):
            raise ResolutionError(
                f"has two versions of {package.name}: {other.version} and {package.version}", where=where, hint=hint
            )
        if not python_fits(package.requires_python, target.python_full):
            raise ResolutionError(
                f"has {package.name} {package.version}, which needs Python {package.requires_python}",
                where=where,
                hint=hint,
            )
        extras[package.name] = extras.get(package.name, frozenset()) | reached[package.key]
    return [(package, extras[name]) for name, package in sorted(chosen.items())]


def _flat(lock: ForeignLock, variables: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the keys of the packages whose own marker holds, with the extras that the lock asks of each."""
    return {package.key: package.extras for package in lock.packages if _holds(package.marker, lock, variables)}


_Slot: TypeAlias = tuple[str, frozenset[str]]
"""A name, and the extras that an entry is for: some locks have an entry of its own for ``name[extra]``."""


def _walked(lock: ForeignLock, variables: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the keys of what the roots reach, with the extras that are asked of each.

    Where several versions of a name are there, it is the newest that all who are reached allow: what one of them rules
    out is only known once it is reached, so the walk begins again until nothing more is ruled out.
    """
    allowed: dict[_Slot, list[ForeignPackage]] = {}
    while True:
        reached, narrowed = _walk(lock, variables, allowed)
        if narrowed == allowed:
            return reached
        allowed = narrowed


def _walk(
    lock: ForeignLock, variables: Mapping[str, str], allowed: Mapping[_Slot, list[ForeignPackage]]
) -> tuple[dict[str, frozenset[str]], dict[_Slot, list[ForeignPackage]]]:
    """Return what is reached with the newest of what is allowed, and what is allowed after that."""
    by_slot: dict[str, dict[_Slot, list[ForeignPackage]]] = {}
    for package in lock.packages:
        if _holds(package.marker, lock, variables) and python_fits(
            package.requires_python, variables["python_full_version"]
        ):
            by_slot.setdefault(package.name, {}).setdefault((package.name, package.extras), []).append(package)
    narrowed = dict(allowed)
    reached: dict[str, frozenset[str]] = {}
    waiting = list(lock.roots or ())
    while waiting:
        edge = waiting.pop()
        if not _holds(edge.marker, lock, variables):
            continue
        for slot, entries in by_slot.get(edge.name, {}).items():
            fitting = [entry for entry in entries if edge.keys is None or entry.key in edge.keys]
            if not fitting:
                continue
            before = narrowed.get(slot, fitting)
            narrowed[slot] = [each for each in before if each in fitting] or before
            package = max(narrowed[slot] if slot not in allowed else allowed[slot], key=_newest)
            extras, known = edge.extras | package.extras, reached.get(package.key)
            waiting += package.edges if known is None else ()
            for extra in extras - (known or frozenset()):
                waiting += package.optional.get(extra, ())
            reached[package.key] = extras | (known or frozenset())
    return reached, narrowed


def _newest(package: ForeignPackage) -> Version:
    return Version(package.version or "0")


def _holds(marker: str | None, lock: ForeignLock, variables: Mapping[str, str]) -> bool:
    """Whether a marker is true in an environment, with the extras and groups that are wanted of the lock."""
    if marker is None:
        return True

    def known(asked: re.Match[str]) -> str:
        return _TRUE if (canonicalize_name(asked["name"]) in lock.extras) == (asked["sign"] == "==") else _FALSE

    sets = {"extras": lock.extras, "dependency_groups": lock.groups}
    return _marker(_EXTRA.sub(known, marker)).evaluate({**variables, **sets}, context="lock_file")


@lru_cache(maxsize=1 << 14)
def _marker(text: str) -> Marker:
    return Marker(text)
