"""What the build environment of an sdist holds: found, locked and recorded before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from wheelyard import prefetch
from wheelyard.config.model import Config, PackageRule
from wheelyard.domain.errors import BuildError, NoCandidateError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.requirement import parse_requirement
from wheelyard.domain.target import Target
from wheelyard.lock.candidates import TargetSource, remote
from wheelyard.lock.ports import Backends, Upstream
from wheelyard.resolve.answer import ask
from wheelyard.resolve.model import Question, Resolver
from wheelyard.sdist.metadata import declared_requirements, static_metadata
from wheelyard.sdist.patches import apply_patches
from wheelyard.sdist.unpack import unpack_sdist
from wheelyard.store.blobs import Store
from wheelyard.targets.environment import environment
from wheelyard.wheels import overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequirements:
    """Finds the build requirements of sdists for one target, and their metadata where only their code knows it."""

    config: Config
    target: Target
    resolver: Resolver
    upstream: Upstream
    store: Store
    backends: Backends
    foreign: bool
    """Whether nothing here compiles for the target: only what is pure can then be built."""
    kept: Mapping[str, LockedPackage]
    """Packages of the earlier lock by the SHA-256 of their sdist: these keep their build requirements."""
    rules: Mapping[str, PackageRule]
    """What the configuration says of the packages that are built, by normalised name."""
    report: Reporter = silent
    """Told of what is odd about build requirements."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the lock by name, as far as it is made: what is compiled against is rather what will be there."""

    def complete(self, package: LockedPackage, source: TargetSource, chain: tuple[str, ...] = ()) -> LockedPackage:
        """Return a package with its build requirements; a wheel is returned as it is.

        :param chain: names of the sdists whose build requirements lead here.
        :raises BuildError: if it needs itself to be built.
        :raises NoCandidateError: if it has to be compiled, and nothing here does that for the target.
        """
        if package.how == "fetch":
            return package
        kept = self.kept.get(package.file.sha256)
        if kept is not None and kept.extras == package.extras and self._agrees(kept):
            return replace(package, build_requirements=kept.build_requirements, made_locks=kept.made_locks)
        if self.foreign and package.expects == "binary":
            raise NoCandidateError(
                f"it would be {package.reason}; nothing here compiles for {self.target.platform}",
                where=f"{package.name} {package.version} for target {self.target.name}",
                hint="give the target an image or a toolchain, or a platform that there are wheels for",
            )
        environment = self._static(package, source, chain)
        dynamic = self.backends.dynamic_requirements(package, self.target, environment)
        if dynamic:
            environment = self._resolve(package, (*self._declared(package), *dynamic), source, chain)
        return self._with_made_locks(replace(package, build_requirements=environment))

    def for_sdist(self, tree: LockedPackage, source: TargetSource) -> tuple[LockedPackage, ...]:
        """Return what has to be there to make the sdist of a packed source tree.

        :raises BuildError: if the backend fails.
        """
        environment = self._static(tree, source, ())
        dynamic = self.backends.sdist_requirements(tree, self.target, environment)
        return self._resolve(tree, (*self._declared(tree), *dynamic), source, ()) if dynamic else environment

    def metadata(self, package: LockedPackage, source: TargetSource, chain: tuple[str, ...] = ()) -> bytes:
        """Return the METADATA that an sdist's wheel will have; its code runs only where nothing else tells.

        :raises BuildError: if the backend fails.
        """

        with self._file(package) as sdist:
            static = static_metadata(sdist)
        if static is not None:
            return static
        completed = self.complete(package, source, chain)
        return self.backends.metadata(completed, self.target, completed.build_requirements)

    def _agrees(self, kept: LockedPackage) -> bool:
        """Whether a package was built with the versions that the lock has of its build requirements."""
        return all(
            self.versions.get(requirement.name, requirement.version) == requirement.version
            for requirement in kept.build_requirements
        )

    def _to_build(self, machine: Target) -> BuildRequirements:
        """Return the same for what is needed to build, on the machine that builds."""
        # What is rebuilt for a variant is none here, and has other build requirements than there.
        kept = {sha256: each for sha256, each in self.kept.items() if each.name not in self.config.rebuilt}
        return replace(self, target=machine, kept=kept, rules=self.config.packages)

    def _static(
        self, package: LockedPackage, source: TargetSource, chain: tuple[str, ...]
    ) -> tuple[LockedPackage, ...]:
        return self._resolve(package, self._declared(package), source, chain)

    def _declared(self, package: LockedPackage) -> tuple[str, ...]:
        """Return ``[build-system] requires`` and what the user adds."""

        rule = self.rules.get(package.name)
        with self._tree(package) as source:
            declared = declared_requirements(source)
        return (*declared, *(rule.build_requires if rule else ()))

    def _with_made_locks(self, package: LockedPackage) -> LockedPackage:
        """Return an sdist with the lock files of other registries that its build needs and it lacks."""
        if not prefetch.asked(requirement.name for requirement in package.build_requirements):
            return package
        with self._tree(package) as source:
            made = prefetch.made_locks(package, source, store=self.store, root=self.config.root)
        return replace(package, made_locks=made)

    def _resolve(
        self, package: LockedPackage, lines: Sequence[str], source: TargetSource, chain: tuple[str, ...]
    ) -> tuple[LockedPackage, ...]:
        deeper = (*chain, package.name)
        if package.name in chain:
            raise BuildError(
                f"needs itself to be built: {' -> '.join(deeper[deeper.index(package.name) :])}",
                where=f"{package.name} {package.version} for target {self.target.name}",
                hint="allow a wheel of one of them",
            )
        # What is run to build must run on the machine that builds; only whether it is asked for is the target's affair.
        machine = self.backends.machine(self.target)
        builds, targets = self._to_build(machine), source
        source = source.to_build(machine)
        inner = source.within(lambda sdist: builds.metadata(sdist, source, deeper))
        origin = f"{package.name} {package.version}"
        wanted = lines if machine == self.target else _asked_for(lines, self.target)
        kept = self.kept.get(package.file.sha256)
        before = {requirement.name: requirement.version for requirement in kept.build_requirements} if kept else {}
        question = Question(
            target=machine,
            requirements={f"-r {origin}": wanted},
            constraints={},
            preferences={**before, **self.versions},
        )
        answer = ask(self.resolver, question, inner)
        for text in answer.warnings:
            self.report(Warned(message=f"{text} (to build {origin})"))
        found = (
            builds.complete(
                inner.locked(
                    replace(pin, via=tuple(origin if asker == f"-r {origin}" else asker for asker in pin.via)),
                    requires_python=answer.metadata[pin.name].requires_python,
                ),
                source,
                deeper,
            )
            for pin in answer.pins
        )
        return tuple(found) if machine == self.target else tuple(self._for_target(each, targets) for each in found)

    def _for_target(self, package: LockedPackage, targets: TargetSource) -> LockedPackage:
        """Return a build requirement with the target's wheel of it, if it has something to compile or link against."""

        if package.how == "build" or package.file.filename.endswith("-any.whl"):
            return package
        with self._file(package) as wheel:
            brings = overlay.brings(wheel)
        if not brings:
            return package
        return replace(package, for_target=targets.wheel(package.name, package.version))

    @contextmanager
    def _tree(self, package: LockedPackage) -> Iterator[Path]:
        """Yield the sdist's source tree, patched."""
        rule = self.rules.get(package.name)
        with self._file(package) as sdist:
            source = unpack_sdist(sdist, sdist.parent / "src") / (package.file.subdirectory or "")
            if rule:
                apply_patches(source, [self.config.root / patch for patch in rule.patches])
            yield source

    @contextmanager
    def _file(self, package: LockedPackage) -> Iterator[Path]:
        """Yield the package's file: a copy, hashed at this moment, in a folder of its own."""
        file = package.file
        if not self.store.has(file.sha256):
            self.upstream.fetch([remote(file, self.config.root)])
        with self.store.scratch() as folder:
            yield self.store.take(file.sha256, folder / Path(file.filename).name)


def _asked_for(lines: Sequence[str], target: Target) -> tuple[str, ...]:
    """Return the requirements whose markers hold on a target, without the markers."""
    found = []
    for line in lines:
        requirement = parse_requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({**environment(target), "extra": ""}):
            requirement.marker = None
            found.append(str(requirement))
    return tuple(found)
