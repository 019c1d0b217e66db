"""The indexes that a configuration means, behind the port that locking wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from wheelyard.config.model import Config
from wheelyard.doors.http import origin
from wheelyard.events import Reporter, silent
from wheelyard.fetch.fetch import fetch, fetch_unknown
from wheelyard.store.model import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.model import ProjectPage, RemoteFile
from wheelyard.upstream.pip_config import configured


@contextmanager
def client_for(config: Config, store: Store, *, report: Reporter = silent) -> Iterator[Client]:
    """Yield a client for the indexes that a configuration names, and those of the user's pip unless it forbids them."""
    settings = configured(store.area("pages"))
    secrets = {**settings.secrets, **{origin(place): secret for place, secret in config.credentials.items()}}
    indexes = (*(settings.indexes if config.default_indexes else ()), *config.indexes)
    settings = replace(settings, indexes=indexes, secrets=secrets)
    with Client(store, settings=settings, report=report) as client:
        yield client


class Indexes:
    """A ``lock.ports.Upstream`` made of a client and a store."""

    def __init__(self, client: Client, store: Store, *, config: Config) -> None:
        self.client = client
        self._store = store
        self._root = config.root

    def project(self, name: str, *, index: str | None = None) -> ProjectPage:
        """Return the files of a project."""
        return self.client.project(name, index=index)

    def metadata(self, file: RemoteFile) -> bytes:
        """Return the METADATA of a wheel."""
        return self.client.metadata(file)

    def fetch(self, files: Iterable[RemoteFile]) -> None:
        """Bring files into the store."""
        fetch(tuple(files), store=self._store, client=self.client, root=self._root)

    def fetch_unknown(self, url: str) -> tuple[str, int]:
        """Bring a file whose hash nobody knows yet into the store."""
        return fetch_unknown(url, store=self._store, client=self.client)
