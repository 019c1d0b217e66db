"""What a build would do, found out without doing it: the locks it would make, and what they lack in the store.

Nothing is written but the store: no lock, no wheelhouse, no image. Indexes are asked as ever, and sdists whose
requirements only their code knows are asked in the sandbox, as no lock can be made otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wheelyard.build import records
from wheelyard.bundle.sign import check_keys
from wheelyard.config.model import Config
from wheelyard.doctor import tools
from wheelyard.doctor.configured import examine_targets
from wheelyard.doctor.model import Finding
from wheelyard.domain.build import BuildUnit
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.events import Reporter, once, silent
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.site import Folder
from wheelyard.index import site_state
from wheelyard.index.claim import check_place
from wheelyard.lock.indexes import Indexes
from wheelyard.sandbox.container.images import NotPulledError
from wheelyard.stages import variants
from wheelyard.stages.building import units_for
from wheelyard.stages.fetching import files_of
from wheelyard.stages.options import PLAIN, Options
from wheelyard.stages.plan import Plan
from wheelyard.stages.planning import make_plans
from wheelyard.stages.withheld import Withheld
from wheelyard.store.blobs import Store
from wheelyard.toolchain.find import Toolchains


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastChange:
    """A package whose version in a folder is another one than what is published there; None: not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFolder:
    """What one folder would hold, and where it would be proven."""

    name: str
    packages: int
    compiled: int
    """Of those, how many come from an sdist."""
    is_new: bool
    """Nothing is published for it yet: every package is a new one."""
    changes: tuple[ForecastChange, ...]
    proof: str
    """The route: the interpreter or the image, or why there is none."""
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastBuild:
    """One wheel to compile."""

    package: str
    version: str
    folders: tuple[str, ...]
    """What it is compiled for; also those that need it to build something else."""
    sdist: str
    size: int | None
    """Bytes of the sdist; None: nobody said."""
    source: str
    """Where the sdist is from: ``index NAME``, a URL, or a path on this machine."""
    toolchain: str
    """The image, or the compiler of this machine."""
    variant: Mapping[str, str]
    """What was chosen for it: ``{"blas": "mkl"}``."""
    seconds: float | None
    """How long the last build of this package took; None: it was never built with this store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a build of the same configuration would do now."""

    folders: tuple[ForecastFolder, ...]
    files: int
    """To fetch."""
    bytes: int
    """Of those whose size is known."""
    unsized: int
    """How many have no known size."""
    stored: int
    """Files that are in the store already."""
    stored_bytes: int
    builds: tuple[ForecastBuild, ...]
    reused: int
    """Builds that are in the store already."""
    lacks: tuple[Finding, ...]
    """What this machine has not, or not wholly, of what the targets need."""
    withheld: Mapping[str, tuple[WheelyardError, ...]]
    """By folder: what would keep it from being published."""


def forecast(
    config: Config, options: Options = PLAIN, *, store: Store | None = None, report: Reporter = silent
) -> Forecast:
    """Return what ``main_job.build`` would do with the same configuration and options.

    :param store: where all that is fetched and built is kept; None: the user's own.
    :raises WheelyardError: what ends a build before it has locked anything.
    """
    report = once(report)
    config = replace(config, build=replace(config.build, pull=False))
    check_place(config.wheelhouse)
    check_keys(options.keys or config.keys)
    store = replace(store or Store(), report=report)
    earlier = {folder.name: folder for folder in site_state.load(config.wheelhouse).folders}
    withheld = Withheld()
    with Indexes(config, store, report=report) as indexes:
        toolchains = Toolchains(config.build, store, report, fetch=indexes.fetch)
        try:
            plans = make_plans(
                config, toolchains, indexes, withheld, store=store, options=options, report=report, write=False
            )
        except WheelyardError as error:
            if not withheld.holds(error):
                raise
            plans = ()
        units, unknown = _units(plans, toolchains, withheld, store)
        builds = tuple(_builds(plans, units, toolchains, store))
    files = {digest: file for plan in plans for digest, file in files_of(plan.lock).items()}
    missing = [file for digest, file in files.items() if not store.has(digest)]
    stored = [digest for digest in files if store.has(digest)]
    size = sum(file.size or 0 for file in missing)
    here = examine_targets(config, {plan.target.name: plan.lock for plan in plans if plan.variant is None})
    findings = [
        *(finding for target in here.values() for finding in (target.proof, *target.tools)),
        tools.room(store.root, size, "the cache of downloads and finished builds"),
    ]
    distinct = {unit.key for each in units.values() for unit in each}
    return Forecast(
        folders=tuple(
            _folder(plan, earlier.get(plan.name), here[plan.target.name].proof, prove=options.prove) for plan in plans
        ),
        files=len(missing),
        bytes=size,
        unsized=sum(file.size is None for file in missing),
        stored=len(stored),
        stored_bytes=sum(store.path(digest).stat().st_size for digest in stored),
        builds=(*builds, *unknown),
        reused=len(distinct) - len(builds),
        lacks=tuple(finding for finding in findings if finding.status != "ok"),
        withheld=withheld.all(),
    )


def _units(
    plans: Sequence[Plan], toolchains: Toolchains, withheld: Withheld, store: Store
) -> tuple[dict[str, tuple[BuildUnit, ...]], tuple[ForecastBuild, ...]]:
    """Return what is to be built for each folder, and what can only be named, as its image is not here."""
    units: dict[str, tuple[BuildUnit, ...]] = {}
    named: list[ForecastBuild] = []
    for plan in plans:
        sdists = [package for package in plan.lock.packages if package.how == "build"]
        try:
            units[plan.name] = units_for(plan, toolchains)
        except NotPulledError as error:
            named += [_build(package, [plan.name], f"{error.where}, to be pulled", store) for package in sdists]
        except WheelyardError as error:
            withheld.add(plan.name, error)
    return units, tuple(named)


def _builds(
    plans: Sequence[Plan], units: Mapping[str, Sequence[BuildUnit]], toolchains: Toolchains, store: Store
) -> Iterator[ForecastBuild]:
    """Yield the builds that the store does not have, each once."""
    folders: dict[str, list[str]] = {}
    for plan in plans:
        for unit in units.get(plan.name, ()):
            folders.setdefault(unit.key, []).append(plan.name)
    for unit in {unit.key: unit for each in units.values() for unit in each}.values():
        if records.load(store, unit.key) is None:
            toolchain = toolchains(unit.target).image_pin or unit.toolchain
            yield replace(_build(unit.package, folders[unit.key], toolchain, store), variant=dict(unit.recipe.variant))


def _build(package: LockedPackage, folders: Sequence[str], toolchain: str, store: Store) -> ForecastBuild:
    file = package.file
    size = store.path(file.sha256).stat().st_size if file.size is None and store.has(file.sha256) else file.size
    return ForecastBuild(
        package=package.name,
        version=package.version,
        folders=tuple(folders),
        sdist=file.filename,
        size=size,
        source=f"index {file.index}" if file.index else file.path or file.url or "",
        toolchain=toolchain,
        variant={},
        seconds=records.seconds(store, package.name),
    )


def _folder(plan: Plan, earlier: Folder | None, proof: Finding, *, prove: bool) -> ForecastFolder:
    before = {} if earlier is None else {entry.wheel.name: entry.wheel.version for entry in earlier.entries}
    after = {package.name: package.version for package in plan.lock.packages}
    # What was rebuilt for a variant has a label behind its version, which no lock names.
    public = {name: version.partition("+")[0] if plan.variant else version for name, version in before.items()}
    changed = [name for name in sorted(public.keys() | after.keys()) if public.get(name) != after.get(name)]
    why_not = "left out by --no-prove" if not prove else variants.not_run_here(plan.variant) if plan.variant else ""
    return ForecastFolder(
        name=plan.name,
        packages=len(plan.lock.packages),
        compiled=sum(package.how == "build" for package in plan.lock.packages),
        is_new=earlier is None,
        changes=()
        if earlier is None
        else tuple(ForecastChange(name=name, before=before.get(name), after=after.get(name)) for name in changed),
        proof=why_not or proof.detail,
        proven=not why_not and proof.status == "ok",
    )
