"""The client of any number of indexes and find-links places: files of a project, and metadata of a wheel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.domain.index import IndexSource, IndexStrategy
from wheelyard.domain.remote import ProjectPage, RemoteFile
from wheelyard.io.http_model import HttpSettings
from wheelyard.io.urls import origin, separate
from wheelyard.store.blobs import Store
from wheelyard.store.memo import dump_bytes, load_bytes, memo
from wheelyard.upstream.credentials import KnownCredentials
from wheelyard.upstream.links import possible_projects
from wheelyard.upstream.metadata import read_metadata
from wheelyard.upstream.pages import Pages
from wheelyard.upstream.pip_config import PipSettings, configured, split_secret
from wheelyard.upstream.pool import each

if TYPE_CHECKING:
    from wheelyard.domain.lock import LockedFile
    from wheelyard.io.http import Http

T = TypeVar("T")


class Client:
    """What the indexes say. Safe to use from many threads; one request at a time for one name."""

    def __init__(
        self,
        store: Store,
        indexes: Sequence[IndexSource] = (),
        *,
        settings: PipSettings | None = None,
        bound: Mapping[str, str] = MappingProxyType({}),
        strategy: IndexStrategy = "one-index",
        queries: Mapping[str, str] = MappingProxyType({}),
        how_to_bind: str = '[packages.{name}] index = "{index}"',
        report: Reporter = silent,
        http: Http | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        :param indexes: in order; empty: those of ``settings``, which is what the user's pip says if it is None.
        :param bound: by normalised name, the one index that a project may come from.
        :param strategy: what becomes of a name that several indexes have.
        :param queries: what is behind the ``?`` of URLs, by the URL up to there.
        :param how_to_bind: how the user says that a ``{name}`` comes from an ``{index}``, for an error's hint.
        """
        self.store = store
        self.settings = settings if settings is not None else configured(store.area("pages"))
        secrets = dict(self.settings.secrets)
        known = []
        for index in indexes or self.settings.indexes:
            try:
                url, secret = separate(index.url) if "://" in index.url else (index.url, None)
            except ValueError as error:
                raise ConfigError(str(error), where=f"index {index.name}") from None
            if secret is not None:
                secrets[origin(url)] = secret
            known.append(replace(index, url=url))
        self.indexes = tuple(known)
        self._queries = dict(queries)
        self._bound, self._strategy, self._how_to_bind = bound, strategy, how_to_bind
        self._credentials = KnownCredentials(secrets)
        self._http = http
        self._report = report
        self._pages = Pages(store)
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str | None], Future[ProjectPage]] = {}
        self._metadata: dict[str, Future[bytes]] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            self._http.close()

    @property
    def http(self) -> Http:
        """The door to HTTP, opened when somebody first goes through it (httpx takes 0.2 s to import)."""
        with self._lock:
            if self._http is None:
                from wheelyard.io.http import Http  # a run that has everything asks nobody

                settings = _trusting(self.settings.http(), self.indexes)
                self._http = Http(settings, self._credentials, report=self._report)
            return self._http

    def project(self, name: str, *, index: str | None = None) -> ProjectPage:
        """Return the files of a project; none where no index knows it.

        :param index: the one index to ask; None: that which the name is bound to, else all that are not explicit.
        :raises UpstreamError: if an index does not answer, or not properly.
        :raises ConfigError: if there is no index of that name, or several have a project that is bound to none.
        """
        normal = canonicalize_name(name)
        key = (normal, index or self._bound.get(normal))
        with self._lock:
            future = self._running.get(key)
            mine = future is None
            if future is None:
                future = self._running[key] = Future()
        if mine:
            _settle(future, lambda: self._project(*key))
            if future.exception() is not None:
                with self._lock:
                    self._running.pop(key, None)
        return future.result()

    def remember(self, url: str) -> str:
        """Take user name and password out of a URL, keep them in memory for its server, and return the rest."""
        plain, secret = split_secret(url)
        if secret is not None:
            self._credentials.add(plain, secret)
        return plain

    def address(self, file: LockedFile | RemoteFile) -> str:
        """Return the whole URL of a file: what is locked ends at the ``?``, and its index knows what comes behind.

        :raises UpstreamError: if the index does not answer.
        """
        url = file.url or ""
        if not url.endswith("?"):
            return url
        if url not in self._queries and file.index:
            for project in possible_projects(file.filename):
                self.project(project, index=file.index)
        return self.with_query(url)

    def with_query(self, url: str) -> str:
        """Return a URL that ends at its ``?`` with what is known to come behind; any other one as it is."""
        return url + self._queries.get(url, "")

    def prefetch(self, names: Iterable[str], *, jobs: int = 16) -> None:
        """Ask for many projects at once, so that ``project`` has them; what fails will fail there again."""
        for _ in each(dict.fromkeys(names), self._prefetch_one, jobs=jobs, name="prefetch"):
            pass

    def _prefetch_one(self, name: str) -> None:
        self.project(name)

    def metadata(self, file: RemoteFile) -> bytes:
        """Return the METADATA of a wheel: the index's own copy (PEP 658), else read out of the wheel.

        :raises UpstreamError: if a server does not answer properly.
        :raises HashMismatchError: if what came is not what the index promised.
        :raises WheelError: if the wheel has none.
        """
        key = file.sha256 or file.url
        with self._lock:
            future = self._metadata.get(key)
            mine = future is None
            if future is None:
                future = self._metadata[key] = Future()
        if mine:
            _settle(future, lambda: self._cached_metadata(file))
            if future.exception() is not None:
                with self._lock:
                    self._metadata.pop(key, None)
        return future.result()

    def prefetch_metadata(self, files: Iterable[RemoteFile], *, jobs: int = 16) -> None:
        """Read the METADATA of many wheels at once, so that ``metadata`` has them; what fails will fail there again."""
        for _ in each(files, self._prefetch_one_metadata, jobs=jobs, name="prefetch"):
            pass

    def _prefetch_one_metadata(self, file: RemoteFile) -> None:
        self.metadata(file)

    def _project(self, name: str, index: str | None) -> ProjectPage:
        if index is None:
            places: dict[str, IndexSource] = {}
            for source in self.indexes:
                if not source.explicit:
                    places.setdefault(source.url.rstrip("/"), source)  # named twice, it is one index still
            sources = list(places.values())
        else:
            sources = [source for source in self.indexes if source.name == index]
            if not sources:
                raise ConfigError(
                    f"there is no index named {index!r}",
                    where=f"[packages.{name}]",
                    hint="known: " + (", ".join(source.name for source in self.indexes) or "none"),
                )
        return ProjectPage(name=name, files=self._merged(self._listed(name, sources)))

    def _listed(self, name: str, sources: Iterable[IndexSource]) -> list[RemoteFile]:
        """Return the files of a project at the one index that has it, and at this one's mirrors.

        :raises ConfigError: if another one has it too, and nobody said which it comes from (dependency confusion).
        """
        found: list[RemoteFile] = []
        # By family of indexes: who has the project, and what.
        owners: dict[str, tuple[IndexSource, list[RemoteFile]]] = {}
        for source in sources:
            if owners and source.family not in owners and self._strategy == "first-index":
                continue
            if listed := self._pages.files(source, name, self.http):
                self._queries.update((url + mark, query) for url, mark, query in _queries(listed))
                owners.setdefault(source.family, (source, []))[1].extend(listed)
                found += listed
        if len(owners) > 1 and not _same_project([files for _, files in owners.values()]):
            first, other = [source.name for source, _ in owners.values()][:2]
            raise ConfigError(
                f"both {first} and {other} have a project of this name: whoever owns one of them could "
                "replace what you mean by the other",
                where=name,
                hint=f"bind it: {self._how_to_bind.format(name=name, index=first)}; or say that one is the "
                'other\'s mirror (mirror-of), or that the first one wins (index-strategy "first-index")',
            )
        return found

    def _merged(self, listed: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
        """Return files of an index and its mirrors, each name once."""
        merged: dict[str, RemoteFile] = {}
        for file in listed:
            first = merged.setdefault(file.filename, file)
            if first.sha256 and file.sha256 and first.sha256 != file.sha256:
                self._report(
                    Warned(
                        message=f"{file.filename} is a different file at {file.index} than at {first.index}; "
                        f"the one of {first.index} is used"
                    )
                )
        return tuple(merged.values())

    def _cached_metadata(self, file: RemoteFile) -> bytes:
        if file.sha256 is None or self.store.has(file.sha256):  # the wheel itself, which was hashed, knows best
            return read_metadata(file, store=self.store, http=self.http)
        return memo(
            self.store,
            "metadata",
            "1",
            file.sha256,
            lambda: read_metadata(file, store=self.store, http=self.http),
            dump=dump_bytes,
            load=load_bytes,
        )


def _queries(files: Iterable[RemoteFile]) -> Iterator[tuple[str, str, str]]:
    return (file.url.partition("?") for file in files if "?" in file.url)


def _same_project(listings: Iterable[Iterable[RemoteFile]]) -> bool:
    """Whether one index has all that any has of a project, hash for hash: then the others have copies of it.

    Who puts a larger version under a private library's name has not the private files beside it.
    """
    listed = [{(file.filename, file.sha256) for file in files} for files in listings]
    every = set().union(*listed)
    return not any(digest is None for _, digest in every) and every in listed


def _trusting(settings: HttpSettings, indexes: Iterable[IndexSource]) -> HttpSettings:
    hosts = frozenset(urlsplit(index.url).hostname or "" for index in indexes if index.trusted)
    return replace(settings, trusted_hosts=settings.trusted_hosts | hosts)


def _settle(future: Future[T], action: Callable[[], T]) -> None:
    """Give a future the outcome of an action, for all who wait for it."""
    try:
        future.set_result(action())
    except BaseException as error:
        future.set_exception(error)
        if not isinstance(error, Exception):
            raise
