"""What locking needs of its neighbours, as narrow protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.repository import Commit, Repository
from wheelyard.domain.target import Target


class Upstream(Protocol):
    """The indexes and file hosts; called from many threads."""

    def project(self, name: str, *, index: str | None = None) -> ProjectPage:
        """Return the files of a project; none where no index knows it."""
        ...

    def prefetch(self, names: Iterable[str]) -> None:
        """Ask for many projects at once, so that ``project`` has them; what fails will fail there again."""
        ...

    def metadata(self, file: RemoteFile) -> bytes:
        """Return the METADATA of a wheel."""
        ...

    def fetch(self, files: Iterable[RemoteFile]) -> None:
        """Bring files whose hash is known into the store."""
        ...

    def commit(self, repository: Repository) -> Commit:
        """Return the commit that a repository's branch or tag is at now; see ``upstream.git.Git.commit``."""
        ...

    def checkout(self, commit: Commit, into: Path) -> None:
        """Make a checkout in a new folder; see ``upstream.git.Git.checkout``."""
        ...

    def fetch_unknown(self, url: str) -> tuple[str, int]:
        """Bring a file whose hash nobody knows yet into the store; return its SHA-256 and size."""
        ...


class Backends(Protocol):
    """Where the code of an sdist may run: a sandbox without network."""

    def dynamic_requirements(
        self, package: LockedPackage, target: Target, environment: Sequence[LockedPackage]
    ) -> tuple[str, ...]:
        """Return what the build backend asks for besides ``[build-system] requires``.

        :param package: the sdist; its bytes are in the store.
        :param environment: the locked static build requirements.
        :raises BuildError: if the backend fails.
        """
        ...

    def metadata(self, package: LockedPackage, target: Target, environment: Sequence[LockedPackage]) -> bytes:
        """Return the METADATA that the backend prepares.

        :raises BuildError: if the backend fails.
        """
        ...

    def sdists_on(self, targets: Sequence[Target]) -> Target:
        """Return what sdists of source trees are made on: this machine, or one of the targets where that cannot be.

        :raises ToolError: if nothing can be run at all.
        """
        ...

    def sdist_requirements(
        self, tree: LockedPackage, target: Target, environment: Sequence[LockedPackage]
    ) -> tuple[str, ...]:
        """Return what the build backend asks for besides ``[build-system] requires`` to make an sdist.

        :param tree: a packed source tree; its bytes are in the store.
        :param target: what ``sdists_on`` returned.
        :raises BuildError: if the backend fails.
        """
        ...

    def sdist(self, tree: LockedPackage, target: Target, environment: Sequence[LockedPackage]) -> tuple[str, str]:
        """Return the file name and SHA-256 of the sdist of a packed source tree; its bytes are in the store then.

        :raises BuildError: if the backend fails.
        """
        ...

    def machine(self, target: Target) -> Target:
        """Return what the build requirements of a target's sdists run on: the target itself, unless it is compiled for.

        :raises ToolError: if nothing compiles for the target.
        """
        ...

    def image(self, target: Target) -> str | None:
        """Return the container image that the target's sdists are built in, by digest; None: in none, or not known."""
        ...
