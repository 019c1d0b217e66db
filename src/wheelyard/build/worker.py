"""Build: from units to repaired, checked wheels in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from wheelyard import prefetch
from wheelyard.build import environment, frontend, records
from wheelyard.build.key import build_key
from wheelyard.build.queue import run_graph
from wheelyard.build.steps import STEPS, Finishing, Step, finish
from wheelyard.build.steps.accept import accept_wheel
from wheelyard.domain import wheel_name
from wheelyard.domain.build import BuildUnit, BuiltWheel
from wheelyard.domain.command import Limits
from wheelyard.domain.errors import BuildError, Failures, WheelyardError
from wheelyard.domain.events import JobAdvanced, JobFinished, JobStarted, Reporter, Warned
from wheelyard.domain.repaired import Repaired
from wheelyard.io import files
from wheelyard.io.files import storage_error
from wheelyard.repair.repair import repairer_for
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import DEFAULT_EPOCH, Workspace, aside, given, sweep, workspace
from wheelyard.store.blobs import Store
from wheelyard.toolchain import guard
from wheelyard.toolchain.protocol import Toolchain
from wheelyard.variants import finish as variant
from wheelyard.variants.recipes import expand
from wheelyard.wheels.fuse import fuse


def build_all(
    units: Sequence[BuildUnit],
    *,
    store: Store,
    toolchain_for: Callable[[BuildUnit], Toolchain],
    limits: Limits,
    jobs: int,
    fail_fast: bool,
    report: Reporter,
    epoch: int = DEFAULT_EPOCH,
    readable: Sequence[Path] = (),
    keep_failed: bool = False,
    failed: Callable[[str, WheelyardError], None] | None = None,
    executor: Executor | None = None,
    steps: Sequence[Step] = STEPS,
) -> Mapping[str, BuiltWheel]:
    """Build what is not in the store yet, and return the wheel of each unit by its key.

    All inputs (sdists, wheels of build requirements) must be in the store.

    :param jobs: how many at once.
    :param fail_fast: start nothing new after a failure; else everything that can be built is.
    :param readable: folders that builds may read besides: a toolchain's.
    :param keep_failed: leave the folder of a failed build there, to be looked at.
    :param failed: is told of each build that failed, by its key; what needs it is missing too. None: that is raised.
    :param executor: runs the jobs, each of which is given a key and its unit, reads what the unit needs from the store,
        and puts the wheel and its record there; shut down at the end. None: threads.
    :param steps: what is done to each wheel that a backend made.
    :raises Failures: when all the others are built and stored, with the error of each build that failed.
    """
    bench = _Bench(
        store=store,
        toolchain_for=toolchain_for,
        limits=limits,
        report=report,
        epoch=epoch,
        readable=tuple(readable),
        keep_failed=keep_failed,
        steps=tuple(steps),
    )
    by_key = {unit.key: unit for unit in units}
    built: dict[str, BuiltWheel] = {}
    for key, unit in by_key.items():
        if found := records.load(store, key):
            built[key] = found
            report(_finished(unit, "reused", found.filename))
    wanted = {key: unit for key, unit in by_key.items() if key not in built}
    if wanted:
        sweep()
    durations = {key: records.seconds(store, unit.package.name) for key, unit in wanted.items()}

    def skipped(key: str, reason: str | None) -> None:
        note = f"needs {_job(by_key[reason])}, which failed" if reason else "the run was ended by a failure"
        report(_finished(wanted[key], "skipped", note))

    outcome = run_graph(
        wanted,
        {key: (*unit.requires, *unit.parts) for key, unit in wanted.items()},
        bench.build,
        jobs=jobs,
        fail_fast=fail_fast,
        durations={key: seconds for key, seconds in durations.items() if seconds is not None},
        skipped=skipped,
        executor=executor,
    )
    built |= outcome.done
    if outcome.failed and failed is None:
        raise Failures(tuple(outcome.failed[key] for key in wanted if key in outcome.failed))
    if failed is not None:
        for key, error in outcome.failed.items():
            failed(key, error)
    return {key: built[key] for key in by_key if key in built}


def _job(unit: BuildUnit) -> str:
    return f"{unit.package.name} {unit.package.version}"


def _finished(unit: BuildUnit, outcome: str, note: str) -> JobFinished:
    return JobFinished(stage="build", job=_job(unit), target=unit.target.name, outcome=outcome, note=note)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What all builds of one run share."""

    store: Store
    toolchain_for: Callable[[BuildUnit], Toolchain]
    limits: Limits
    report: Reporter
    epoch: int
    readable: tuple[Path, ...]
    keep_failed: bool
    steps: tuple[Step, ...]

    def build(self, key: str, unit: BuildUnit) -> BuiltWheel:  # noqa: ARG002  (a job is a key and its unit)
        """Build one unit from what is in the store, and put the wheel and its record there."""
        log = records.log_of(self.store, unit.package.name, unit.package.version, unit.key)
        self.report(
            JobStarted(
                stage="build",
                job=_job(unit),
                target=unit.target.name,
                log=str(log),
                seconds=records.seconds(self.store, unit.package.name) or 0,
            )
        )
        try:
            wheel = self._build(unit)
        except OSError as error:
            self.report(_finished(unit, "failed", str(error)))
            raise storage_error(Path(error.filename or self.store.root), error) from error
        except Exception as error:
            self.report(_finished(unit, "failed", str(error).partition("\n")[0]))
            raise
        self.report(_finished(unit, "done", wheel.filename))
        return wheel

    def _build(self, unit: BuildUnit) -> BuiltWheel:
        started = time.monotonic()
        toolchain = self.toolchain_for(unit)
        sandbox = toolchain.sandbox(unit.recipe)
        with workspace(unit.key, keep_failed=self.keep_failed) as root:
            if made := records.load(self.store, unit.key):
                return made  # by another run, while we waited for the workspace
            finished = (
                self._fuse(unit, root, toolchain) if unit.parts else self._compile(unit, root, toolchain, sandbox)
            )
            wheel = BuiltWheel(
                key=unit.key,
                filename=finished.path.name,
                sha256=self.store.add_file(finished.path),
                size=finished.path.stat().st_size,
                platform_policy=finished.policy,
                grafted=finished.grafted,
                prefetched=self._prefetched(unit),
                sandbox=sandbox.name,
                seconds=time.monotonic() - started,
            )
        records.save(self.store, wheel, unit.package.name)
        return wheel

    def _compile(self, unit: BuildUnit, root: Path, toolchain: Toolchain, sandbox: Sandbox) -> Repaired:
        """Return the finished wheel that the sdist's backend makes in the folder ``root``."""
        package = unit.package
        log = records.log_of(self.store, package.name, package.version, unit.key)
        log.unlink(missing_ok=True)
        sdist = given(self.store, root, package.file.sha256, package.file.filename)
        source = frontend.unpack_sdist(sdist, root / "src")
        patches = self._patches(unit, root)
        frontend.apply_patches(source, patches, log=log)
        prefetch.add(package.made_locks, source, self.store)
        needed = prefetch.needs(package, patches, self.store)
        variables = prefetch.lay_out(needed, root, aside=aside(root), store=self.store)
        self._advance(unit, "environment")
        python = environment.create(
            root / "env",
            toolchain.python,
            self._wheels(unit, root),
            sandbox,
            log=log,
            root=root,
            for_target={
                requirement.for_target.filename: given(
                    self.store, root, requirement.for_target.sha256, requirement.for_target.filename
                )
                for requirement in package.build_requirements
                if requirement.for_target is not None
            },
        )
        place = Workspace(
            root=root,
            source=source,
            python=python,
            interpreter=environment.seen_from(python, root),
            sandbox=sandbox,
            log=log,
            package=_job(unit),
            recipe=replace(unit.recipe, environment={**variables, **unit.recipe.environment}),
            limits=self.limits,
            readable=self.readable,
            epoch=self.epoch,
        )
        if unit.recipe.variant:
            place = expand(place)
        self._advance(unit, "compiling")
        raw = frontend.build_wheel(place)
        if dropped := guard.left_out(log):
            self.report(
                Warned(
                    message=f"{place.package} for {unit.target.name}: its build asked for this machine's own CPU "
                    f"({', '.join(dropped)}), which was left out: the wheel is for every host of the target"
                )
            )
        self._advance(unit, "repairing")
        wheel = Finishing(unit=unit, toolchain=toolchain, place=place, store=self.store, path=raw)
        return finish(wheel, self.steps).repaired

    def _fuse(self, unit: BuildUnit, root: Path, toolchain: Toolchain) -> Repaired:
        """Return the finished wheel that those for each CPU make together, in the folder ``root``."""
        thin = [self._needed(unit, key) for key in unit.parts]
        intel, arm = (given(self.store, root, wheel.sha256, wheel.filename) for wheel in thin)
        extra = variant.with_build_key(arm, unit.key) if unit.recipe.variant else {}
        path = fuse(intel, arm, aside(root) / "finished", extra=extra, epoch=self.epoch)
        accept_wheel(unit, path, toolchain)
        return Repaired(path=path, policy=wheel_name.parse(path.name).platform, grafted=thin[0].grafted)

    def _prefetched(self, unit: BuildUnit) -> tuple[str, ...]:
        """Return the package URLs of what a build took from other registries."""
        if unit.parts:
            return tuple(sorted({url for key in unit.parts for url in self._needed(unit, key).prefetched}))
        needed = prefetch.needs(unit.package, unit.recipe.patches, self.store)
        return tuple(sorted({package.purl for package in needed if package.is_code}))

    def _advance(self, unit: BuildUnit, note: str) -> None:
        self.report(JobAdvanced(stage="build", job=_job(unit), target=unit.target.name, note=note))

    def _patches(self, unit: BuildUnit, root: Path) -> tuple[Path, ...]:
        """Return copies of the patches, which are those that the build key was made of.

        :raises BuildError: if one was changed since.
        """
        copies = tuple(
            aside(root) / "patches" / f"{number}-{patch.name}" for number, patch in enumerate(unit.recipe.patches)
        )
        for patch, copy in zip(unit.recipe.patches, copies, strict=True):
            files.copy(patch, copy, sync=False)
        recipe = replace(unit.recipe, patches=copies)
        key = build_key(
            unit.package,
            unit.target,
            recipe,
            unit.toolchain,
            repairer=repairer_for(unit.target.platform).identity(),
            requires=unit.requires,
            epoch=self.epoch,
        )
        if copies and key != unit.key:
            raise BuildError("a patch was changed while this run was going on", where=_job(unit), hint="run again")
        return copies

    def _wheels(self, unit: BuildUnit, root: Path) -> dict[str, Path]:
        """Return the wheels of the build environment by file name, in the order of their names."""
        fetched = {
            requirement.file.filename: given(self.store, root, requirement.file.sha256, requirement.file.filename)
            for requirement in unit.package.build_requirements
            if requirement.how == "fetch"
        }
        made = {
            wheel.filename: given(self.store, root, wheel.sha256, wheel.filename)
            for wheel in (self._needed(unit, key) for key in unit.requires)
        }
        return dict(sorted({**fetched, **made}.items()))

    def _needed(self, unit: BuildUnit, key: str) -> BuiltWheel:
        """Return what was built before for this unit.

        :raises BuildError: if the store has lost it since.
        """
        wheel = records.load(self.store, key)
        if wheel is None:
            raise BuildError("a wheel that it needs is no longer in the store", where=_job(unit), hint="run again")
        return wheel
