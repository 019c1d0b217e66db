"""Choose, for each version of a project, the one file that a target gets: the best wheel, or the sdist."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.config.model import PackageRule
from wheelyard.domain import wheel_name
from wheelyard.domain.errors import NoCandidateError
from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.target import Target
from wheelyard.resolve.metadata import python_fits, python_refusal
from wheelyard.targets.tags import host_tags, tags

_SDISTS = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")
"""In order of preference; PEP 625 allows the first only, old projects have the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The file of one version that a target gets."""

    version: str
    """Normalised (PEP 440)."""
    file: RemoteFile
    reason: str
    """In words."""
    expects: Literal["any", "binary"] = "any"
    """``binary``: some wheel of this version is not pure, so a pure wheel out of a build would be a failure."""
    sibling: RemoteFile | None = None
    """For an sdist: a wheel of the same version, made for others, whose METADATA tells what this one's wheel needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a target may have of one project."""

    by_version: Mapping[str, Choice]
    refused: Mapping[str, str]
    """Version to the reason, in words, why the target can have no file of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """Whether wheels and sdists of one project are wanted."""

    wheels: bool
    sdists: bool
    because: str = ""
    """Which setting says so."""


def formats(
    name: str, rule: PackageRule | None, *, only_binary: Collection[str] = (), no_binary: Collection[str] = ()
) -> Formats:
    """Return which kinds of files may be used: a package rule wins, then a name, then ``:all:``."""
    if rule is not None and rule.build == "always":
        return Formats(wheels=False, sdists=True, because=f'[packages.{name}] build = "always"')
    if rule is not None and rule.build == "never":
        return Formats(wheels=True, sdists=False, because=f'[packages.{name}] build = "never"')
    for key in (name, ":all:"):
        if key in no_binary:
            return Formats(wheels=False, sdists=True, because=f"--no-binary {key}")
        if key in only_binary:
            return Formats(wheels=True, sdists=False, because=f"--only-binary {key}")
    return Formats(wheels=True, sdists=True)


def choose(
    page: ProjectPage,
    version: str,
    target: Target,
    rule: PackageRule | None = None,
    *,
    only_binary: Collection[str] = (),
    no_binary: Collection[str] = (),
    hashes: Collection[str] = (),
) -> Choice:
    """Return the best file of one version for a target.

    :param hashes: ``sha256:…`` that the file must have one of, if there are any.
    :raises NoCandidateError: saying what there is, and why none of it fits.
    """
    found = choices(page, target, rule, only_binary=only_binary, no_binary=no_binary, hashes=hashes)
    wanted = _version(version) or version
    if choice := found.by_version.get(wanted):
        return choice
    raise NoCandidateError(
        found.refused.get(wanted, "no index lists a file of this version"),
        where=f"{page.name} {version} for target {target.name}",
        hint="choose another version, allow building from source, or change the target",
    )


def choices(
    page: ProjectPage,
    target: Target,
    rule: PackageRule | None = None,
    *,
    only_binary: Collection[str] = (),
    no_binary: Collection[str] = (),
    hashes: Collection[str] = (),
) -> Choices:
    """Return the best file of every version that the target may have (see ``choose``), oldest version first."""
    wanted = formats(page.name, rule, only_binary=only_binary, no_binary=no_binary)
    grouped: dict[str, list[_Named]] = {}
    for file in page.files:
        if named := _name(file, page.name):
            grouped.setdefault(named.version, []).append(named)
    by_version: dict[str, Choice] = {}
    refused: dict[str, str] = {}
    for version in sorted(grouped, key=_parsed):
        outcome = _best(version, grouped[version], target, wanted, frozenset(hashes))
        if isinstance(outcome, Choice):
            by_version[version] = outcome
        else:
            refused[version] = outcome
    return Choices(by_version=by_version, refused=refused)


@dataclass(frozen=True, slots=True)
class _Named:
    """A file with what its name says."""

    file: RemoteFile
    version: str
    build: tuple[int, str]
    tags: tuple[str, ...]
    """Empty for an sdist."""


def _best(version: str, files: list[_Named], target: Target, wanted: Formats, hashes: frozenset[str]) -> Choice | str:
    """Return the choice among one version's files, or the reason in words why there is none."""
    fitting = [file for file in files if python_fits(file.file.requires_python, target.python_full)]
    if not fitting:
        return python_refusal(files[0].file.requires_python, target.python_full)
    if hashes:
        if (altered := _altered(fitting, target, wanted, hashes)) is not None:
            return altered
        fitting = [
            candidate
            for candidate in fitting
            if candidate.file.sha256 is None or f"sha256:{candidate.file.sha256}" in hashes
        ]
        if not fitting:
            return "no file has a hash that the requirements allow"
    expects: Literal["any", "binary"] = "binary" if any(file.tags and not _pure(file) for file in files) else "any"
    # A yanked file is taken where nothing else is left; the resolver then takes it for an exact pin only (PEP 592).
    kept = [candidate for candidate in fitting if candidate.file.yanked is None]
    for among in (kept, [candidate for candidate in fitting if candidate.file.yanked is not None]):
        if found := _among(among, target, wanted):
            named, reason = found
            if named.file.yanked is not None:
                reason += f"; yanked upstream{': ' + named.file.yanked if named.file.yanked else ''}, but pinned"
            sibling = None if named.tags else _sibling(files, target)
            return Choice(version=version, file=named.file, reason=reason, expects=expects, sibling=sibling)
    return _refusal(fitting, target, wanted)


def _altered(files: list[_Named], target: Target, wanted: Formats, hashes: frozenset[str]) -> str | None:
    """Return what is wrong where the best file has no hash that is allowed, and an allowed one is no file's at all.

    Then a hash was altered, or the file was: to take the next best file would hide it. None: nothing is.
    """
    theirs = {f"sha256:{named.file.sha256}" for named in files}
    if "sha256:None" in theirs or hashes <= theirs or not hashes & theirs:
        return None
    best = _among(files, target, wanted)
    if best is None or f"sha256:{best[0].file.sha256}" in hashes:
        return None
    return (
        f"{best[0].file.filename} has sha256 {best[0].file.sha256} on the index, which is not among the hashes that "
        f"are allowed; no file of the index has {', '.join(sorted(hashes - theirs)[:3])}"
    )


def _sibling(files: list[_Named], target: Target) -> RemoteFile | None:
    """Return the wheel that is nearest to a target that it does not fit: of its Python, of its system."""
    system = target.platform.partition("_")[0].removesuffix("linux")
    interpreter = next(iter(_ranks(target))).partition("-")[0]

    def distance(named: _Named) -> tuple[bool, bool, str]:
        tag = named.tags[0]
        return not tag.startswith(interpreter), system not in tag, named.file.filename

    return min((file for file in files if file.tags), key=distance).file if any(file.tags for file in files) else None


def _among(files: list[_Named], target: Target, wanted: Formats) -> tuple[_Named, str] | None:
    wheels = [file for file in files if file.tags] if wanted.wheels else []
    newest = _ranks(target)
    for ranks, own in ((_host_ranks(target), True), (newest, False)):
        ranked = [(rank, wheel) for wheel in wheels if (rank := _rank(wheel, ranks)) is not None]
        if ranked:
            _, named = min(ranked, key=lambda pair: (pair[0], *_later_build_first(pair[1])))
            tag = min(named.tags, key=lambda tag: ranks.get(tag, len(ranks)))
            if own:
                seen = f"the host's pip {target.pip} takes" if target.pip else "pip takes"
                return named, f"the wheel that {seen}: {tag}"
            return named, f"the best wheel, {tag}, which only a newer pip than the host's {target.pip} sees"
    if not wanted.sdists:
        return None
    sdists = sorted((file for file in files if not file.tags), key=_sdist_rank)
    if not sdists:
        return None
    why = f"as {wanted.because} asks" if not wanted.wheels else f"because {_misfit(files, target)}"
    return sdists[0], f"built from its sdist, {why}"


def _later_build_first(named: _Named) -> tuple[int, list[int]]:
    number, text = named.build
    return -number, [-ord(letter) for letter in text]


def _sdist_rank(named: _Named) -> tuple[int, str]:
    name = named.file.filename
    return next(position for position, suffix in enumerate(_SDISTS) if name.endswith(suffix)), name


def _refusal(files: list[_Named], target: Target, wanted: Formats) -> str:
    wheels = [file for file in files if file.tags]
    if not wanted.wheels:
        return f"has no sdist, and {wanted.because} forbids its wheels"
    sdist = "no sdist" if len(wheels) == len(files) else f"its sdist is forbidden by {wanted.because}"
    return f"{_misfit(files, target)}; {sdist}"


def _misfit(files: list[_Named], target: Target) -> str:
    """Say what wheels there are, in the part of the tag that the target does not fit."""
    every = [tag for file in files for tag in file.tags]
    if not every:
        return "it has no wheel"
    accepted = {tag.rpartition("-")[0] for tag in _ranks(target)}
    near = [tag for tag in every if tag.rpartition("-")[0] in accepted]
    if near:
        return f"it has wheels for {_listed(tag.rpartition('-')[2] for tag in near)}; the target is {target.platform}"
    own = next(iter(_ranks(target))).split("-")
    python = own[0] if own[1] in (own[0], "none") else f"{own[0]}-{own[1]}"
    theirs = (interpreter if abi in (interpreter, "none") else f"{interpreter}-{abi}"
              for interpreter, abi, _ in (tag.split("-") for tag in every))  # fmt: skip
    return f"it has wheels for {_listed(theirs)}; the target is {python}"


def _listed(words: Iterable[str]) -> str:
    unique = sorted(set(words))
    return ", ".join(unique[:6]) + (f" and {len(unique) - 6} more" if len(unique) > 6 else "")


def _pure(named: _Named) -> bool:
    return all(tag.endswith("-none-any") for tag in named.tags)


def _rank(named: _Named, ranks: Mapping[str, int]) -> int | None:
    return min((ranks[tag] for tag in named.tags if tag in ranks), default=None)


@lru_cache(maxsize=256)
def _ranks(target: Target) -> Mapping[str, int]:
    return {str(tag): rank for rank, tag in enumerate(tags(target))}


@lru_cache(maxsize=256)
def _host_ranks(target: Target) -> Mapping[str, int]:
    return {str(tag): rank for rank, tag in enumerate(host_tags(target))}


def _name(file: RemoteFile, project: str) -> _Named | None:
    """Return what a file's name says; None for what is neither wheel nor sdist of this project."""
    if not file.filename.endswith(".whl"):
        version = _sdist_version(file.filename, project)
        return _Named(file, version, (0, ""), ()) if version else None
    try:
        wheel = wheel_name.parse(file.filename)
    except ValueError:
        return None
    if wheel.label or wheel.project != project:
        return None
    return _Named(file, str(wheel.parsed_version), wheel.build_number, wheel.tags)


def _sdist_version(filename: str, project: str) -> str | None:
    """Return the version in an sdist's name; before PEP 625 the name could hold hyphens."""
    suffix = next((each for each in _SDISTS if filename.endswith(each)), None)
    if suffix is None:
        return None
    stem = filename[: -len(suffix)]
    for position, letter in enumerate(stem):
        if letter == "-" and canonicalize_name(stem[:position]) == project:
            return _version(stem[position + 1 :])
    return None


@lru_cache(maxsize=1 << 16)
def _version(text: str) -> str | None:
    try:
        return str(Version(text))
    except InvalidVersion:
        return None


@lru_cache(maxsize=1 << 16)
def _parsed(text: str) -> Version:
    return Version(text)


def version_of(file: RemoteFile, project: str) -> str | None:
    """Return the normalised version that a file's name says; None for what is no file of this project."""
    named = _name(file, project)
    return named.version if named else None


def needs_newer_pip(packages: Iterable[LockedPackage], target: Target) -> bool:
    """Whether the host's own pip could not see a wheel of these packages: one to be fetched, or to be built.

    A wheel that is still to be built may earn the newest tag of the target: ask again when it is there.
    """
    ranks = _host_ranks(target)
    if target.pip is None:
        return False
    for package in packages:
        if package.how == "fetch":
            if not any(tag in ranks for tag in wheel_name.parse(package.file.filename).tags):
                return True
        elif not any(tag.endswith("-" + target.platform) for tag in ranks):
            return True
    return False


def carries_pip(packages: Iterable[LockedPackage], target: Target) -> bool:
    """Whether a folder is to carry pip: its hosts have none, theirs is too old, or the configuration says so."""
    if target.carried.pip or (target.carried.pip is None and target.lacks_pip):
        return True
    return needs_newer_pip(packages, target)
