"""From a variant and a package to the recipe of its build."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import VariantError
from wheelyard.domain.target import Target
from wheelyard.variants import simd
from wheelyard.variants.book import Book, BuildSystem, Library, PackageRecipe, Settings, Source
from wheelyard.variants.model import Variant

PACKAGE_MANAGERS: Mapping[str, tuple[str, ...]] = {
    "apt-get": ("/usr/bin/apt-get",),
    "dnf": ("/usr/bin/dnf", "/usr/bin/yum"),
    "apk": ("/sbin/apk",),
}
"""Where the programs are by which an image is known; what yum installs has the names that dnf knows."""

_WORD = re.compile(r"\{([a-z0-9-]+)\}")
_JOINED = frozenset({"CFLAGS", "CXXFLAGS", "FFLAGS", "LDFLAGS", "RUSTFLAGS"})
"""Variables that hold lists: what a package rule says is kept before what the variant adds."""


UNKNOWN = "0"
"""What a pkg-config file has where nobody tells the library's version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """The compiler of an image, as archspec names it."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRecipe:
    """How one package is built for one variant."""

    recipe: Recipe
    requires: tuple[str, ...]
    """Build requirements beside those of the sdist, to be locked with them."""
    probe: tuple[str, ...] = ()
    """Files of the image that the BLAS is taken from."""
    warning: str = ""
    """What a person should know: redistribution is restricted."""


def make_recipe(
    variant: Variant,
    *,
    package: str,
    version: str,
    backend: str,
    target: Target,
    compiler: Compiler,
    book: Book,
    base: Recipe,
    has: Callable[[str], bool],
) -> VariantRecipe:
    """Return the recipe of one package for a variant.

    :param package: normalised name.
    :param backend: the sdist's PEP 517 build backend.
    :param base: what the configuration says of the package; the variant adds to it.
    :param has: whether the image has a file (absolute path).
    :raises VariantError: if there is no recipe, the level is of another architecture, the compiler has no code for it,
        or the BLAS is not in the image.
    """
    where = f"{package} {version}, variant {variant.name}, target {target.name}"
    simd.check_machine(variant.simd, target.machine, where)
    own = book.recipe_for(package, version)
    system = _system(book, own, backend, where)
    flags = " ".join(simd.compiler_flags(variant.simd, compiler.name, compiler.version, where))
    words = {"cflags": flags, "rust-cpu": flags.partition("-march=")[2].partition(" ")[0] or "generic"}
    parts: list[Settings] = []
    requires: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    warning = ""
    recipe = base
    if variant.blas is not None:
        library = book.libraries[variant.blas]
        source = find_source(library, variant, target, has, where)
        words["blas"] = source.package
        parts += _blas_settings(variant, own, system, package, where)
        requires = source.requires
        probe = tuple(each.replace("{machine}", target.machine) for each in source.probe)
        recipe = replace(base, pkg_config=_pc(source, target), licences=source.licences)
        if library.restricted:
            warning = f"{where}: {library.title} may not be passed on freely: {library.restricted}"
    if variant.simd != simd.BASELINE:
        words["level"] = _level(variant, own, where)
        # A package that has an option of its own for it gets no flags: both would fight.
        parts.append(own.simd if own and own.simd is not None else system.simd)
    return VariantRecipe(
        recipe=replace(
            _merged(recipe, parts, words),
            local_version=variant.local_version,
            variant=variant.choice,
            dispatched=(*base.dispatched, *(each.pattern for each in own.dispatched)) if own else base.dispatched,
        ),
        requires=requires,
        probe=probe,
        warning=warning,
    )


def find_source(library: Library, variant: Variant, target: Target, has: Callable[[str], bool], where: str) -> Source:
    """Return the way to have a BLAS that fits the variant's threads, the target and the image.

    :raises VariantError: if there is none.
    """
    platforms = library.platforms or ("manylinux", "musllinux", "linux")
    if not target.platform.startswith(platforms) or (library.machines and target.machine not in library.machines):
        raise VariantError(
            f"there is no {library.title} for {target.platform}",
            where=where,
            hint="choose another blas for this target",
        )
    fitting = [each for each in library.sources if variant.threads in (None, each.threads)]
    if not fitting:
        known = ", ".join(dict.fromkeys(each.threads for each in library.sources))
        raise VariantError(
            f"{library.title} is not to be had with threads = {variant.threads!r}", where=where, hint=f"it has: {known}"
        )
    if variant.share_blas:
        fitting = [each for each in fitting if each.shared]
        if not fitting:
            raise VariantError(
                f"{library.title} cannot be shared: it does not come as a wheel of its own",
                where=where,
                hint="leave share-blas out, or choose openblas or mkl",
            )
    for source in fitting:
        if all(has(path.replace("{machine}", target.machine)) for path in source.probe):
            return source
    raise VariantError(
        f"{library.title} is not in the image: no {fitting[0].probe[0].replace('{machine}', target.machine)}",
        where=where,
        hint=f"install it there: {_in_words(library.packages(variant.threads))}",
    )


def packages_for(library: Library, variant: Variant, target: Target, has: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the distribution's packages that bring a BLAS into an image; none where it is there, or is not to be had.

    :param has: whether the image has a file (absolute path).
    """
    fitting = [each for each in library.sources if variant.threads in (None, each.threads)]
    if any(all(has(path.replace("{machine}", target.machine)) for path in each.probe) for each in fitting):
        return ()
    known = library.packages(variant.threads)
    return next((found for name, found in known.items() if any(map(has, PACKAGE_MANAGERS[name]))), ())


def files_of(library: Library, target: Target) -> tuple[str, ...]:
    """Return all files of an image that tell ``find_source`` and ``packages_for`` what they ask."""
    managers = (path for paths in PACKAGE_MANAGERS.values() for path in paths)
    probes = [path.replace("{machine}", target.machine) for each in library.sources for path in each.probe]
    return tuple(dict.fromkeys((*probes, *managers))) if probes else ()


def _in_words(packages: Mapping[str, tuple[str, ...]]) -> str:
    return ", or ".join(f"{name} install {' '.join(found)}" for name, found in packages.items())


def _system(book: Book, own: PackageRecipe | None, backend: str, where: str) -> BuildSystem:
    named = own.system if own else None
    system = next((each for each in book.systems if each.name == named), None) or book.system_of(backend)
    if system is None:
        known = ", ".join(each.name for each in book.systems)
        raise VariantError(
            f"there is no recipe for the build backend {backend}",
            where=where,
            hint=f"add a [[recipe]] for the package that names a system ({known})",
        )
    return system


def _blas_settings(
    variant: Variant, own: PackageRecipe | None, system: BuildSystem, package: str, where: str
) -> list[Settings]:
    chosen = (own.blas if own else None) or system.blas
    if chosen is None:
        raise VariantError(
            f"nobody has said how {package} is told which BLAS to take",
            where=where,
            hint='add a [[recipe]] with package, and blas.environment or blas.config-settings that hold "{blas}"',
        )
    if variant.blas == "openblas64":
        if own is None or not own.takes_ilp64:
            raise VariantError(
                f"nobody has said how {package} is told to use 64-bit integers",
                where=where,
                hint="choose openblas, or add openblas64 settings to a [[recipe]] of the package",
            )
        return [chosen, own.openblas64]
    return [chosen]


def _level(variant: Variant, own: PackageRecipe | None, where: str) -> str:
    """Return the package's own word for the level, if it has words of its own."""
    if own is None or not own.levels:
        return ""
    name = list(simd.X86_LEVELS)[simd.psabi_level(variant.simd) - 1]
    if name not in own.levels:
        raise VariantError(
            f"{own.package} has no word for {variant.simd}", where=where, hint=f"it has: {', '.join(own.levels)}"
        )
    return own.levels[name]


def _pc(source: Source, target: Target) -> dict[str, str]:
    return {source.package: source.pc.replace("{machine}", target.machine)} if source.pc else {}


def _merged(base: Recipe, parts: list[Settings], words: Mapping[str, str]) -> Recipe:
    """Return a recipe with settings added, their words filled in."""
    environment = dict(base.environment)
    config: dict[str, str | tuple[str, ...]] = dict(base.config_settings)
    for part in parts:
        for name, text in part.environment.items():
            filled = _fill(text, words)
            before = environment.get(name, "") if name in _JOINED else ""
            environment[name] = f"{before} {filled}".strip()
        for name, value in part.config_settings.items():
            if isinstance(value, str):
                config[name] = _fill(value, words)
            else:
                given = config.get(name, ())
                kept = (given,) if isinstance(given, str) else given
                config[name] = (*kept, *(_fill(each, words) for each in value))
    return replace(base, environment=environment, config_settings=config)


def _fill(text: str, words: Mapping[str, str]) -> str:
    """Fill in the words in braces; what is not a word of ours stays."""
    return _WORD.sub(lambda match: words.get(match[1], match[0]), text)


def version_of(recipe: Recipe) -> str | None:
    """Return the version of the BLAS that pkg-config tells the build; None where it is not known."""
    found = re.search(r"^Version: (\S+)$", "\n".join(recipe.pkg_config.values()), re.MULTILINE)
    return found[1] if found and found[1] != UNKNOWN else None


def with_versions(
    recipe: Recipe, versions: Mapping[str, str], digests: Mapping[str, str] | None = None, *, installed: str = ""
) -> Recipe:
    """Return the recipe once the build requirements are locked: its pkg-config files then know the library's version.

    :param versions: of the build requirements, by normalised name.
    :param digests: SHA-256 of the library's files in the image. They become part of the build key: this machine's
        toolchain is known by its compiler only, and another BLAS gives another wheel.
    :param installed: the version of the library in the image.
    """
    version = next((versions[name] for name in recipe.licences if name in versions), installed or UNKNOWN)
    notes = "".join(f"# {path} sha256:{digest}\n" for path, digest in sorted((digests or {}).items()))
    texts = {name: notes + _fill(text, {"version": version}) for name, text in recipe.pkg_config.items()}
    return replace(recipe, pkg_config=texts)
