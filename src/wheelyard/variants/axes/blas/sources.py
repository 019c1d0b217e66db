"""Where a variant's BLAS comes from, and what a build is told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import VariantError
from wheelyard.domain.target import Target
from wheelyard.variants.axes.blas.libraries import Library, Source, libraries
from wheelyard.variants.axes.blas.schema import BlasRecipeKeys
from wheelyard.variants.axes.protocol import BuildImage, Building, Choice, Contribution, Prepared
from wheelyard.variants.settings import Settings, fill, settings_of

PACKAGE_MANAGERS: Mapping[str, tuple[str, ...]] = {
    "apt-get": ("/usr/bin/apt-get",),
    "dnf": ("/usr/bin/dnf", "/usr/bin/yum"),
    "apk": ("/sbin/apk",),
}
"""Where the programs are by which an image is known; what yum installs has the names that dnf knows."""

UNKNOWN = "0"
"""What a pkg-config file has where nobody tells the library's version."""


def is_shared(choice: Choice) -> bool:
    """Whether the packages load their BLAS from one wheel."""
    return choice.get("share-blas") == "yes"


def source_of(recipe: Recipe) -> Source | None:
    """Return where the BLAS of a recipe comes from; None if it is of no variant, or the target's own."""
    library = libraries().get(recipe.variant.get("blas", ""))
    sources = library.sources if library else ()
    return next((source for source in sources if source.package in recipe.pkg_config), None)


def prepare(choice: Choice, target: Target, image: BuildImage, where: str) -> Prepared:
    """Return what has to be locked and installed for a BLAS.

    :raises VariantError: if it is not to be had.
    """
    library = libraries()[choice["blas"]]
    packages: tuple[str, ...] = ()
    there = image.digests(_files_of(library, target))
    if image.installs and (packages := _packages_for(library, choice, target, there.__contains__)):
        there = image.with_packages(packages).digests(_files_of(library, target))
    requires = find_source(library, choice, target, there, where).requires
    return Prepared(
        build_requirements=requires,
        image_packages=packages,
        requirements=requires[:1] if is_shared(choice) else (),
    )


def contribute(choice: Choice, building: Building[BlasRecipeKeys]) -> Contribution:
    """Return what a build is told of a BLAS.

    :raises VariantError: if nobody has said how, or the BLAS is not in the image.
    """
    library, target, where = libraries()[choice["blas"]], building.target, building.where
    there = building.image.digests(_files_of(library, target))
    source = find_source(library, choice, target, there, where)
    warning = f"{where}: {library.title} may not be passed on freely: {library.restricted}"
    return Contribution(
        settings=_settings(choice, building),
        words={"blas": building.said.blas_names.get(source.package, source.package)},
        pkg_config=_pkg_config(source, building, there),
        licences=source.licences,
        warning=warning if library.restricted else "",
    )


def find_source(library: Library, choice: Choice, target: Target, there: Collection[str], where: str) -> Source:
    """Return the way to have a BLAS that fits the chosen threads, the target and the image.

    :param there: the files that the image has, of those that were asked for.
    :raises VariantError: if there is none.
    """
    platforms = library.platforms or ("manylinux", "musllinux", "linux")
    if not target.platform.startswith(platforms) or (library.machines and target.machine not in library.machines):
        raise VariantError(
            f"there is no {library.title} for {target.platform}",
            where=where,
            hint="choose another blas for this target",
        )
    threads = choice.get("threads")
    fitting = [way for way in library.sources if threads in (None, way.threads)]
    if not fitting:
        known = ", ".join(dict.fromkeys(way.threads for way in library.sources))
        raise VariantError(
            f"{library.title} is not to be had with threads = {threads!r}", where=where, hint=f"it has: {known}"
        )
    if is_shared(choice):
        fitting = [candidate for candidate in fitting if candidate.shared]
        if not fitting:
            raise VariantError(
                f"{library.title} cannot be shared: it does not come as a wheel of its own",
                where=where,
                hint="leave share-blas out, or choose openblas or mkl",
            )
    for source in fitting:
        if all(path in there for path in _probe(source, target)):
            return source
    raise VariantError(
        f"{library.title} is not in the image: no {_probe(fitting[0], target)[0]}",
        where=where,
        hint=_how_to_install(library.packages(threads), there),
    )


def version_of(recipe: Recipe) -> str | None:
    """Return the version of the BLAS that pkg-config tells the build; None where it is not known."""
    match = re.search(r"^Version: (\S+)$", "\n".join(recipe.pkg_config.values()), re.MULTILINE)
    return match[1] if match and match[1] != UNKNOWN else None


def _packages_for(library: Library, choice: Choice, target: Target, has: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the distribution's packages that bring a BLAS into an image; none where it is there, or is not to be had.

    :param has: whether the image has a file (absolute path).
    """
    threads = choice.get("threads")
    fitting = [source for source in library.sources if threads in (None, source.threads)]
    if any(all(map(has, _probe(candidate, target))) for candidate in fitting):
        return ()
    packages = library.packages(threads)
    return next((found for name, found in packages.items() if any(map(has, PACKAGE_MANAGERS[name]))), ())


def _files_of(library: Library, target: Target) -> tuple[str, ...]:
    """Return all files of an image that tell ``find_source`` and ``_packages_for`` what they ask."""
    managers = (path for paths in PACKAGE_MANAGERS.values() for path in paths)
    probes = [path for source in library.sources for path in _probe(source, target)]
    return tuple(dict.fromkeys((*probes, *managers))) if probes else ()


def _probe(source: Source, target: Target) -> tuple[str, ...]:
    return tuple(path.replace("{machine}", target.machine) for path in source.probe)


def _how_to_install(packages: Mapping[str, tuple[str, ...]], there: Collection[str]) -> str:
    """Return what to do where a library is not in the image, by the package managers that the image has."""
    managers = [name for name, paths in PACKAGE_MANAGERS.items() if any(path in there for path in paths)]
    fitting = {name: names for name, names in packages.items() if name in managers or not managers}
    if fitting:
        return "install it there: " + ", or ".join(f"{name} install {' '.join(fitting[name])}" for name in fitting)
    others = ", ".join(packages)
    return f"no package of {managers[0]} is known that brings it: choose another blas, or an image that has {others}"


def _settings(choice: Choice, building: Building[BlasRecipeKeys]) -> tuple[Settings, ...]:
    chosen = settings_of(building.said.blas) or building.system
    if chosen is None:
        raise VariantError(
            f"nobody has said how {building.package} is told which BLAS to take",
            where=building.where,
            hint='add a [[recipe]] with package, and blas.environment or blas.config-settings that hold "{blas}"',
        )
    if choice["blas"] != "openblas64":
        return (chosen,)
    long = settings_of(building.said.openblas64)
    if long is None:
        raise VariantError(
            f"nobody has said how {building.package} is told to use 64-bit integers",
            where=building.where,
            hint="choose openblas, or add openblas64 settings to a [[recipe]] of the package",
        )
    return (chosen, long)


def _pkg_config(source: Source, building: Building[BlasRecipeKeys], digests: Mapping[str, str]) -> dict[str, str]:
    """Return the pkg-config file, which tells the library's version.

    The digests of the library's files in the image stand in it, and so become part of the build key: this machine's
    toolchain is known by its compiler only, and another BLAS gives another wheel.
    """
    if not source.pc:
        return {}
    locked = next((building.locked[name] for name in source.licences if name in building.locked), None)
    version = locked or building.image.version(source.licences) or UNKNOWN
    files = sorted(_probe(source, building.target))
    notes = "".join(f"# {path} sha256:{digests[path]}\n" for path in files)
    text = fill(source.pc.replace("{machine}", building.target.machine), {"version": version})
    return {source.package: notes + text}
