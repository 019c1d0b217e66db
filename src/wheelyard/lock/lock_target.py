"""Locking one target: ask the resolver, choose the files, and find what has to be there to build the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wheelyard.config.model import Config
from wheelyard.domain.errors import (
    BuildError,
    Failures,
    NoCandidateError,
    ResolutionError,
    ToolError,
    WheelyardError,
    together,
)
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.foreign_lock import ForeignLock
from wheelyard.domain.lock import Lock, LockedPackage
from wheelyard.domain.target import Target
from wheelyard.lock import foreign, inputs
from wheelyard.lock.build_requirements import BuildRequirements
from wheelyard.lock.candidates import TargetSource
from wheelyard.lock.direct import DirectFile
from wheelyard.lock.ports import Backends, Upstream
from wheelyard.lock.select import carries_pip, needs_newer_pip
from wheelyard.resolve.answer import Answer, ask
from wheelyard.resolve.model import Pin, Question, Resolver
from wheelyard.resolve.overrides import Overrides
from wheelyard.resolve.pip_tools import PipTools
from wheelyard.resolve.uv import Uv
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.targets.environment import marker
from wheelyard.targets.here import this_machine


def resolver_named(name: str) -> Resolver:
    """Return the resolver of a name in the configuration."""
    return PipTools() if name == PipTools.name else Uv()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLocker:
    """Everything that locking one target needs."""

    config: Config
    """With what locks of other tools have for the target among its requirements."""
    locks: Sequence[ForeignLock]
    """These locks."""
    target: Target
    digest: str
    keep: Lock | None
    """The earlier lock, without what is to be upgraded."""
    direct: Mapping[str, DirectFile]
    """By the URL or path that is required."""
    upstream: Upstream
    store: Store
    backends: Backends
    report: Reporter = silent

    def lock(self) -> Lock:
        """Return the new lock.

        :raises WheelyardError: whatever keeps it from being made.
        """
        resolver = resolver_named(self.config.resolver)
        kept = self.keep.packages if self.keep is not None else ()
        builds = BuildRequirements(
            config=self.config,
            target=self.target,
            resolver=resolver,
            upstream=self.upstream,
            store=self.store,
            backends=self.backends,
            foreign=self._foreign(),
            kept={package.file.sha256: package for package in kept if package.how == "build"},
            rules=self.config.rules,
            report=self.report,
        )
        answer, source = self._ask(resolver, builds)
        foreign.check_complete(self.locks, answer.pins, self.target)
        for text in answer.warnings:
            self.report(Warned(message=text))
        builds = replace(builds, versions={pin.name: pin.version for pin in answer.pins})
        packages = self._completed(answer, source, builds)
        return Lock(
            target=self.target.name,
            requires_python=f"=={self.target.python.removesuffix('t')}.*",
            environment=marker(self.target),
            requirements_sha256=self.digest,
            packages=packages,
            resolver=resolver.name,
            pip=self._pip(source, packages),
            image=self.backends.image(self.target) if any(package.how == "build" for package in packages) else None,
        )

    def _completed(self, answer: Answer, source: TargetSource, builds: BuildRequirements) -> tuple[LockedPackage, ...]:
        """Return the packages of an answer, sdists with their build requirements.

        :raises WheelyardError: for all sdists that fail, so that one run tells everything.
        """
        packages: list[LockedPackage] = []
        errors: list[WheelyardError] = []
        for pin in answer.pins:
            locked = source.locked(pin, requires_python=answer.metadata[pin.name].requires_python)
            try:
                packages.append(builds.complete(locked, source))
            except (BuildError, NoCandidateError, ResolutionError, Failures) as error:
                errors.append(error)
        if errors:
            raise together(errors)
        return tuple(packages)

    def _ask(self, resolver: Resolver, builds: BuildRequirements) -> tuple[Answer, TargetSource]:
        question = self._question()
        if self.config.prefer_binary or self._foreign():
            source = self._source(builds, prefer_binary=True)
            try:
                return ask(resolver, question, source, direct=self._direct_by_name()), source
            except ResolutionError:
                pass  # a preference only: what has to be built is then allowed as well
        source = self._source(builds)
        return ask(resolver, question, source, direct=self._direct_by_name()), source

    def _foreign(self) -> bool:
        """Whether this machine and its images cannot compile for the target: what has wheels is then preferred."""
        here, there = platforms.parse(this_machine().platform), platforms.parse(self.target.platform)
        if self.target.build.toolchain is not None or self.target.build.image is not None:
            return False
        return not platforms.compiles_for(here, there)

    def _source(self, builds: BuildRequirements, *, prefer_binary: bool = False) -> TargetSource:
        def metadata(package: LockedPackage) -> bytes:
            return builds.metadata(package, source)

        source = TargetSource(
            self.config,
            self.target,
            upstream=self.upstream,
            store=self.store,
            direct=self._direct_by_name(),
            prefer_binary=prefer_binary,
            sdist_metadata=metadata,
        )
        return source

    def _direct_by_name(self) -> dict[str, DirectFile]:
        mine = {each.direct for each in (*self.config.requirements, *self.config.constraints)}
        return {each.name: each for direct, each in self.direct.items() if direct in mine}

    def _question(self) -> Question:
        pinned = {direct: f"{each.name}=={each.version}" for direct, each in self.direct.items()}
        return Question(
            target=self.target,
            requirements=inputs.by_origin(self.config.requirements, pinned),
            constraints=inputs.by_origin(self.config.constraints, pinned),
            preferences={package.name: package.version for package in (self.keep.packages if self.keep else ())},
            prereleases=self.config.prereleases,
            overrides=Overrides.of(self.config.overrides, self.config.excluded),
        )

    def _pip(self, source: TargetSource, packages: Sequence[LockedPackage]) -> LockedPackage | None:
        """Return the newest pip that the target's Python runs; None if the folder carries none.

        :raises ToolError: if no index has one, and a wheel needs it or the configuration asks for it.
        """
        if not carries_pip(packages, self.target):
            return None
        needed = needs_newer_pip(packages, self.target)
        choice = source.newest("pip")
        if choice is None:
            # What is built may yet get a tag that the host's pip sees.
            fetched = needed and needs_newer_pip(
                [package for package in packages if package.how == "fetch"], self.target
            )
            if not fetched and not self.target.carried.pip:
                return None
            raise ToolError(
                f"the host's pip {self.target.pip} cannot see a wheel that is needed, and no index has a newer pip"
                if fetched
                else "pip is to be carried, and no index has one",
                where=f"target {self.target.name}",
                hint="put pip on the index, or say what pip the host has ([[target]] pip)",
            )
        found = source.locked(Pin(name="pip", version=choice.version))
        return LockedPackage(
            name="pip",
            version=choice.version,
            file=found.file,
            requires_python=choice.file.requires_python,
            reason=f"the host's pip {self.target.pip} cannot see every wheel that is needed"
            if needed
            else "carried for hosts that have no pip",
        )
