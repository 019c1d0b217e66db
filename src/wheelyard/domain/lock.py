"""A lock: the exact files, with hashes, for one target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from wheelyard.domain.repository import Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """One file to be had from upstream, or a local one."""

    filename: str
    sha256: str
    url: str | None = None
    """Without user name, password and query, which may be a token: a ``?`` at the end says that there is one. None for
    a file of a local folder (``path`` is then set)."""
    path: str | None = None
    """Relative to the folder of ``wheelyard.toml``."""
    size: int | None = None
    index: str = ""
    upload_time: str | None = None
    """As the index said when the file was locked (PEP 700, in UTC): nothing here ever makes one up."""
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty (PEP 592)."""
    provenance: str | None = None
    """URL of the attestations (PEP 740)."""
    made_from: Commit | None = None
    """For an sdist that was made of a repository: of what exactly."""
    subdirectory: str | None = None
    """For a packed source tree: where in it the project is; None: at its top."""

    @property
    def is_wheel(self) -> bool:
        """Whether this is a wheel (else an sdist, which is to be built)."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package of a lock: a wheel to fetch, or an sdist to build."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    file: LockedFile
    reason: str
    """Why this file, in words: what ``wheelyard why`` shows."""
    requires_python: str | None = None
    extras: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    expects: Literal["any", "binary"] = "any"
    """``binary``: other targets have compiled wheels of this version, so a pure wheel out of a build is a failure."""
    build_requirements: tuple[LockedPackage, ...] = ()
    """For an sdist: everything its build environment holds, itself locked (and built first where it is an sdist)."""
    for_target: LockedFile | None = None
    """For a build requirement of a cross build: the target's wheel of the same version, whose headers and libraries
    stand over those of ``file``, which runs on the machine that builds. None: there is none, or nothing is in it."""

    made_locks: tuple[LockedFile, ...] = ()
    """For an sdist without them: lock files of other registries (``Cargo.lock``), made when it was locked and kept
    beside the locks; ``filename`` is the path in its source tree."""

    @property
    def how(self) -> Literal["fetch", "build"]:
        """What is to be done to get the wheel."""
        return "fetch" if self.file.is_wheel else "build"

    @property
    def files(self) -> tuple[LockedFile, ...]:
        """Everything that has to be had from upstream."""
        own = (self.file, *self.made_locks)
        return own if self.for_target is None else (*own, self.for_target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Everything one target gets. Written as ``pylock.<target>.toml`` (PEP 751) and ``requirements.<target>.txt``."""

    target: str
    requires_python: str
    """PEP 440 specifier that the target's Python satisfies: ``==3.9.*``."""
    environment: str
    """PEP 508 marker that describes the target, for PEP 751 ``environments``."""
    requirements_sha256: str
    """Digest of all inputs (requirements, constraints, package rules): the same digest needs no new resolution."""
    packages: tuple[LockedPackage, ...]
    """Ordered by name."""
    resolver: str = "uv"
    pip: LockedPackage | None = None
    """The pip wheel to carry for hosts of this target, where their own could not see or read what they need."""
    image: str | None = None
    """Where sdists are built in a container: the image, pinned by its digest (``name@sha256:…``)."""


def with_build_requirements(packages: Iterable[LockedPackage]) -> Iterator[LockedPackage]:
    """Yield packages and, each behind its own, all that is needed to build them."""
    for package in packages:
        yield package
        yield from with_build_requirements(package.build_requirements)
