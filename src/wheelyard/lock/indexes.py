"""The indexes that a configuration means, behind the port that locking wants."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from wheelyard.config.load import bound_names
from wheelyard.config.model import Config
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import LockedFile
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.domain.repository import Commit, Repository
from wheelyard.io.urls import origin
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.fetch import fetch, fetch_unknown
from wheelyard.upstream.git import Git
from wheelyard.upstream.pip_config import configured


def client_for(config: Config, store: Store, *, report: Reporter = silent) -> Client:
    """Return a client for the indexes that a configuration names, and those of the user's pip unless it forbids them.

    :raises ConfigError: if pip's configuration cannot be understood.
    """
    settings = configured(store.area("pages"))
    secrets = {**settings.secrets, **{origin(place): secret for place, secret in config.credentials.items()}}
    indexes = (*config.indexes, *(settings.indexes if config.default_indexes else ()))
    return Client(
        store,
        settings=replace(settings, indexes=indexes, secrets=secrets),
        bound=bound_names(config.rules),
        strategy=config.index_strategy,
        queries=config.queries,
        report=report,
    )


class Indexes:
    """A ``lock.ports.Upstream`` that connects when it is first asked: a lock that is up to date never is.

    A context manager: it closes the connections that it made.
    """

    def __init__(
        self, config: Config, store: Store, *, report: Reporter = silent, client: Client | None = None
    ) -> None:
        """Prepare; ``client``: one that is already there, which stays the caller's to close."""
        self._config = config
        self._store = store
        self._report = report
        self._client = client
        self._mine: Client | None = None
        self._guard = threading.Lock()
        self._brought: set[str] = set()

    def __enter__(self) -> Indexes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._mine is not None:
            self._mine.close()

    @property
    def client(self) -> Client:
        """The client, connected now at the latest."""
        with self._guard:
            if self._client is None:
                self._client = self._mine = client_for(self._config, self._store, report=self._report)
            return self._client

    @property
    def brought(self) -> frozenset[str]:
        """The SHA-256 of every file that was not in the store, and came there through this."""
        with self._guard:
            return frozenset(self._brought)

    def _note(self, digests: Iterable[str]) -> None:
        with self._guard:
            self._brought.update(digest for digest in digests if self._store.has(digest))

    def project(self, name: str, *, index: str | None = None) -> ProjectPage:
        """Return the files of a project; none where no index knows it."""
        return self.client.project(name, index=index)

    def prefetch(self, names: Iterable[str]) -> None:
        """Ask for many projects at once; what fails will fail in ``project`` again."""
        self.client.prefetch(names)

    def metadata(self, file: RemoteFile) -> bytes:
        """Return the METADATA of a wheel; a small wheel may be fetched whole for it."""
        lacking = file.sha256 is not None and not self._store.has(file.sha256)
        found = self.client.metadata(file)
        if file.sha256 is not None and lacking:
            self._note([file.sha256])
        return found

    def fetch(self, files: Iterable[LockedFile | RemoteFile]) -> None:
        """Bring files whose hash is known into the store."""

        wanted = tuple(files)
        lacking = [file.sha256 for file in wanted if file.sha256 is not None and not self._store.has(file.sha256)]
        fetch(wanted, store=self._store, client=self.client, root=self._config.root)
        self._note(lacking)

    def commit(self, repository: Repository) -> Commit:
        """Return the commit that a repository's branch or tag is at now."""
        return Git(self._config.credentials).commit(repository)

    def checkout(self, commit: Commit, into: Path) -> None:
        """Make a checkout in a new folder."""
        Git(self._config.credentials).checkout(commit, into)

    def fetch_unknown(self, url: str) -> tuple[str, int]:
        """Bring a file whose hash nobody knows yet into the store; return its SHA-256 and size."""

        sha256, size = fetch_unknown(url, store=self._store, client=self.client)
        if not url.startswith("file:"):  # what lies on this machine is read each time, which is no download
            self._note([sha256])
        return sha256, size
