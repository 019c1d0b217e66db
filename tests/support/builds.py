"""Building sdists as the main job does, without locks and indexes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

import pytest

from tests.support.sdists import sdist
from wheelyard.build.steps import STEPS, Step
from wheelyard.build.unit import units_of
from wheelyard.build.worker import build_all
from wheelyard.domain.build import BuildUnit, BuiltWheel, Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.errors import Failures, WheelyardError
from wheelyard.domain.events import Event, JobFinished
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.target import Target
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import Store
from wheelyard.targets.here import this_machine
from wheelyard.toolchain.identity import local_toolchain
from wheelyard.toolchain.local import LocalToolchain
from wheelyard.toolchain.protocol import Toolchain


class Yard:
    """A store, a target and a list of packages."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.store = Store(folder / "store")
        self.target = this_machine()
        self.recipes: dict[str, Recipe] = {}
        self.heard: list[Event] = []
        self.built: dict[str, BuiltWheel] = {}
        self.toolchains: Callable[[Target], Toolchain] = self._here

    def _here(self, target: Target) -> Toolchain:
        python = Path(str(target.build.interpreter))
        return LocalToolchain(python=python, identity=local_toolchain(), local=self.sandbox)

    def package(self, path: Path, **more: object) -> LockedPackage:
        """Put a file into the store and return it as a locked package."""
        name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
        locked = LockedFile(filename=path.name, sha256=self.store.add_file(path))
        return LockedPackage(name=name, version=version, file=locked, reason="", **more)  # type: ignore[arg-type]

    def sdist(
        self, name: str, *, more: str = "", expects: str = "any", needs: tuple[LockedPackage, ...] = (), **files: str
    ) -> LockedPackage:
        return self.package(
            sdist(self.folder / "sdists", name, more=more, **files), expects=expects, build_requirements=needs
        )

    def units(self, *packages: LockedPackage) -> tuple[BuildUnit, ...]:
        return units_of(packages, self.target, self.recipes, local_toolchain())

    def build(
        self,
        *packages: LockedPackage,
        jobs: int = 2,
        fail_fast: bool = False,
        executor: Executor | None = None,
        steps: Sequence[Step] = STEPS,
    ) -> list[BuiltWheel]:
        """Build all, return the wheels in the order of the packages."""
        self.heard.clear()
        units = self.units(*packages)
        done = build_all(
            units,
            store=self.store,
            toolchain_for=lambda unit: self.toolchains(unit.target),
            limits=Limits(seconds=600),
            jobs=jobs,
            fail_fast=fail_fast,
            report=self.heard.append,
            executor=executor,
            steps=steps,
        )
        by_file = {unit.package.file.sha256: done[unit.key] for unit in units}
        return [by_file[package.file.sha256] for package in packages]

    def fail(
        self, *packages: LockedPackage, jobs: int = 2, fail_fast: bool = False, steps: Sequence[Step] = STEPS
    ) -> tuple[WheelyardError, ...]:
        with pytest.raises(Failures) as caught:
            self.build(*packages, jobs=jobs, fail_fast=fail_fast, steps=steps)
        return caught.value.errors

    def outcomes(self) -> dict[str, str]:
        return {event.job: event.outcome for event in self.heard if isinstance(event, JobFinished)}

    def wheel(self, built: BuiltWheel) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.store.path(built.sha256))
