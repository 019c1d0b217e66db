"""Asking build backends for what only their code knows, in the sandbox that they will build in."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from wheelyard import prefetch
from wheelyard.build import environment as environments
from wheelyard.build import frontend
from wheelyard.build.key import build_key
from wheelyard.build.unit import limits_of, recipes_of, units_of
from wheelyard.build.worker import build_all
from wheelyard.config.model import Config
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import Failures, ToolError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import LockedPackage, with_build_requirements
from wheelyard.domain.target import Target
from wheelyard.lock.candidates import remote
from wheelyard.lock.ports import Upstream
from wheelyard.sandbox.workspace import Workspace, aside, given, workspace
from wheelyard.store.blobs import Store
from wheelyard.store.memo import dump_bytes, load_bytes, memo
from wheelyard.targets.here import this_machine
from wheelyard.toolchain.find import Toolchains
from wheelyard.toolchain.protocol import Toolchain

T = TypeVar("T")

_EDITION = "1"
"""Raise it when backends are asked in another way."""


class Sandboxes:
    """A ``lock.ports.Backends``: what an sdist needs to be asked is fetched, or built, first."""

    def __init__(
        self, config: Config, store: Store, upstream: Upstream, toolchains: Toolchains, *, report: Reporter = silent
    ) -> None:
        self._config = config
        self._store = store
        self._upstream = upstream
        self._toolchains = toolchains
        self._report = report
        # Builds one at a time: they are made for all cores, and two of them may need the same wheel built.
        self._turn = threading.RLock()
        # Questions are asked of one backend a core.
        self._cores = threading.BoundedSemaphore(os.cpu_count() or 1)

    def dynamic_requirements(
        self, package: LockedPackage, target: Target, environment: Sequence[LockedPackage]
    ) -> tuple[str, ...]:
        """Return what the build backend asks for besides ``[build-system] requires``."""
        return self._kept(
            "requirements", frontend.dynamic_requirements, package, target, environment, dump=list, load=tuple
        )

    def metadata(self, package: LockedPackage, target: Target, environment: Sequence[LockedPackage]) -> bytes:
        """Return the METADATA that the backend prepares."""
        return self._kept(
            "metadata", frontend.prepare_metadata, package, target, environment, dump=dump_bytes, load=load_bytes
        )

    def sdists_on(self, targets: Sequence[Target]) -> Target:
        """Return what sdists of source trees are made on: this machine, or one of the targets where that cannot be."""
        here = this_machine()
        for machine in (here, *targets):
            try:
                self._toolchains(machine)
            except ToolError:
                continue
            return machine
        self._toolchains(here)  # says why
        return here

    def sdist_requirements(
        self, tree: LockedPackage, target: Target, environment: Sequence[LockedPackage]
    ) -> tuple[str, ...]:
        """Return what the build backend asks for besides ``[build-system] requires`` to make an sdist."""
        with self._place(tree, target, environment, recipe=self._for_sdist(tree)) as place:
            return frontend.dynamic_requirements(place, "sdist")

    def sdist(self, tree: LockedPackage, target: Target, environment: Sequence[LockedPackage]) -> tuple[str, str]:
        """Return the file name and SHA-256 of the sdist of a packed source tree; its bytes are in the store then."""
        with self._place(tree, target, environment, recipe=self._for_sdist(tree)) as place:
            path = frontend.build_sdist(place)
            return path.name, self._store.add_file(path)

    def machine(self, target: Target) -> Target:
        """Return what the build requirements of a target's sdists run on."""
        return self._toolchains.machine(target)

    def image(self, target: Target) -> str | None:
        """Return the container image that the target's sdists are built in, by digest; None: in none, or not known."""
        try:
            return self._toolchains(target).image_pin
        except ToolError:
            return None  # building will say why; a lock can be made without

    def _kept(
        self,
        what: str,
        ask: Callable[[Workspace], T],
        package: LockedPackage,
        target: Target,
        environment: Sequence[LockedPackage],
        *,
        dump: Callable[[T], Any],
        load: Callable[[Any], T],
    ) -> T:
        """Return the answer to a question, from the store where the same was asked before."""

        def make() -> T:
            with self._place(package, target, environment) as place:
                return ask(place)

        key = _key(what, package, target, environment, self._toolchains(target), self._recipe(package))
        return memo(self._store, "answers", _EDITION, key, make, dump=dump, load=load)

    @contextmanager
    def _place(
        self,
        package: LockedPackage,
        target: Target,
        environment: Sequence[LockedPackage],
        recipe: Recipe | None = None,
    ) -> Iterator[Workspace]:
        """Yield the unpacked sdist beside its build environment; ``recipe``: another than the configuration's."""
        recipe, toolchain = recipe or self._recipe(package), self._toolchains(target)
        sandbox = toolchain.sandbox(recipe)
        key = _key("ask", package, target, environment, toolchain, recipe)
        log = self._store.area("logs") / f"{package.name}-{package.version}-ask-{key[:12]}.log"
        with self._cores:
            with self._turn:
                wheels = self._wheels(environment, target)
            with workspace(key) as root:
                bring = functools.partial(given, self._store, root)
                source = frontend.unpack_sdist(bring(package.file.sha256, package.file.filename), root / "src")
                source /= package.file.subdirectory or ""
                frontend.apply_patches(source, recipe.patches, log=log)
                variables = self._from_elsewhere(replace(package, build_requirements=tuple(environment)), recipe, root)
                for_target = {
                    requirement.for_target.filename: bring(
                        requirement.for_target.sha256, requirement.for_target.filename
                    )
                    for requirement in environment
                    if requirement.for_target is not None
                }
                copies = {filename: bring(sha256, filename) for filename, sha256 in wheels.items()}
                python = environments.create(
                    root / "env", toolchain.python, copies, sandbox, log=log, root=root, for_target=for_target
                )
                yield Workspace(
                    root=root,
                    source=source,
                    python=python,
                    interpreter=environments.seen_from(python, root),
                    sandbox=sandbox,
                    log=log,
                    package=f"{package.name} {package.version}",
                    recipe=replace(recipe, environment={**variables, **recipe.environment}),
                    limits=limits_of(self._config.build),
                    epoch=self._config.build.source_date_epoch,
                )

    def _from_elsewhere(self, package: LockedPackage, recipe: Recipe, root: Path) -> Mapping[str, str]:
        """Lay out what an sdist takes from other registries, fetched now; return the variables that tell of it."""
        needed = prefetch.bring(package, recipe.patches, store=self._store, root=self._config.root)
        return prefetch.lay_out(needed, root, aside=aside(root), store=self._store)

    def _wheels(self, environment: Sequence[LockedPackage], target: Target) -> dict[str, str]:
        """Return the digests of a build environment's wheels by file name; what has no wheel is built now."""
        needed = (file for requirement in with_build_requirements(environment) for file in requirement.files)
        self._upstream.fetch([remote(file, self._config.root) for file in needed])
        wheels = {
            requirement.file.filename: requirement.file.sha256
            for requirement in environment
            if requirement.how == "fetch"
        }
        sdists = tuple(requirement for requirement in environment if requirement.how == "build")
        if sdists:
            target = self.machine(target)
            toolchain = self._toolchains(target)
            epoch = self._config.build.source_date_epoch
            units = units_of(sdists, target, recipes_of(self._config, to_build=True), toolchain.identity, epoch=epoch)
            for unit in units:
                prefetch.bring(unit.package, unit.recipe.patches, store=self._store, root=self._config.root)
            try:
                built = build_all(
                    units,
                    store=self._store,
                    toolchain_for=lambda _: toolchain,
                    limits=limits_of(self._config.build),
                    jobs=1,
                    fail_fast=True,
                    report=self._report,
                    epoch=epoch,
                )
            except Failures as failures:
                raise failures.errors[0] from failures
            names = {sdist.name for sdist in sdists}
            for unit in units:
                if unit.package.name in names:
                    wheels[built[unit.key].filename] = built[unit.key].sha256
        return dict(sorted(wheels.items()))

    def _recipe(self, package: LockedPackage) -> Recipe:
        return recipes_of(self._config).get(package.name, Recipe())

    def _for_sdist(self, tree: LockedPackage) -> Recipe:
        """Return how the sdist of a source tree is made: patches and settings are for the wheel that comes of it."""
        return replace(self._recipe(tree), patches=(), config_settings={}, variant={}, pkg_config={})


def _key(
    what: str,
    package: LockedPackage,
    target: Target,
    environment: Sequence[LockedPackage],
    toolchain: Toolchain,
    recipe: Recipe,
) -> str:
    """Return the digest of everything that an answer depends on."""
    whole = replace(package, build_requirements=tuple(environment))
    sdists = [
        requirement.file.sha256 for requirement in with_build_requirements(environment) if requirement.how == "build"
    ]
    return hashlib.sha256(
        f"{what} {build_key(whole, target, recipe, toolchain.identity, requires=sdists)}".encode()
    ).hexdigest()
