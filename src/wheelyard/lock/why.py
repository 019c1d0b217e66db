"""Who asked for a package: from it back to the requirement lines of the user."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from wheelyard.config.model import Config
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.lock.inputs import name_of

_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a package is in a lock."""

    target: str
    package: LockedPackage
    chains: tuple[tuple[str, ...], ...]
    """Each from the package's requirer to a line of the user's, shortest first: ``("b 1.0", "demo.in:3: b>=1")``."""

    def facts(self) -> dict[str, object]:
        """Return the same as plain values."""
        return {
            "target": self.target,
            "name": self.package.name,
            "version": self.package.version,
            "file": self.package.file.filename,
            "index": self.package.file.index,
            "how": self.package.how,
            "reason": self.package.reason,
            "extras": list(self.package.extras),
            "via": list(self.package.via),
            "chains": [list(chain) for chain in self.chains],
            "build_requirements": [
                f"{requirement.name}=={requirement.version}" for requirement in self.package.build_requirements
            ],
        }


def reason(name: str, lock: Lock, config: Config) -> Reason | None:
    """Return why a package is in a lock; None if it is not."""
    packages = {package.name: package for package in lock.packages}
    package = packages.get(canonicalize_name(name))
    if package is None:
        return None
    return Reason(target=lock.target, package=package, chains=tuple(_chains(package, packages, config)))


def _chains(package: LockedPackage, packages: dict[str, LockedPackage], config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the shortest ways to the user's lines, a few of them; a circle is followed once."""
    waiting: deque[tuple[LockedPackage, tuple[str, ...]]] = deque([(package, ())])
    seen = {package.name}
    yielded = 0
    while waiting and yielded < _MOST:
        current, chain = waiting.popleft()
        for requirer in current.via:
            if requirer.startswith("-"):
                yielded += 1
                yield (*chain, *_lines(current.name, requirer, config))
            elif requirer in packages and requirer not in seen:
                seen.add(requirer)
                next_one = packages[requirer]
                waiting.append((next_one, (*chain, f"{next_one.name} {next_one.version}")))


def _lines(name: str, requirer: str, config: Config) -> tuple[str]:
    """Return the line of the user's that asks for a name, with its place."""
    option, _, origin = requirer.partition(" ")
    for constraint in config.constraints if option == "-c" else config.requirements:
        direct = constraint.direct is not None and name.replace("-", "_") in constraint.direct.replace("-", "_").lower()
        if constraint.origin == origin and (name_of(constraint) == name or direct):
            return (f"{origin}:{constraint.line}: {constraint.text or constraint.direct}",)
    return (requirer,)
