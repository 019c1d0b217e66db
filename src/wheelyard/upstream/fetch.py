"""Many files at once from upstream into the store: hashed while they stream, resumed where they were cut."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from wheelyard.domain.errors import (
    ConfigError,
    Failures,
    HashMismatchError,
    Interrupted,
    StorageError,
    UpstreamError,
    WheelyardError,
)
from wheelyard.domain.events import JobAdvanced, JobFinished, JobStarted, Reporter, StageFinished, StageStarted, silent
from wheelyard.domain.lock import LockedFile
from wheelyard.domain.remote import RemoteFile
from wheelyard.io.files import storage_error
from wheelyard.io.http_model import Interruption, Stream
from wheelyard.io.urls import local_path, redact
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.partial import Partial, claimed
from wheelyard.upstream.pool import each

LARGEST = 16 << 30
"""No file of unknown size may be larger than this (bytes)."""
_REPORTED = 256 << 10
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)\Z")
_HINT = "the file was changed or damaged on its way: do not use this index before you know why"


def fetch(
    files: Iterable[LockedFile | RemoteFile],
    *,
    store: Store,
    client: Client,
    root: Path,
    jobs: int = 8,
    report: Reporter = silent,
    failed: Callable[[str, WheelyardError], None] | None = None,
) -> None:
    """Bring files into the store; those that are there already cost nothing.

    Nothing of a file is seen under its digest before all of it is there and has that digest. What is cut, by a server
    or by Ctrl-C, stays as ``partial/<sha256>.part`` and is gone on with by the next run.

    :param root: folder that ``LockedFile.path`` is relative to.
    :param jobs: how many at once.
    :param failed: is told of each file that cannot be had, by its SHA-256. None: that is raised.
    :raises Failures: what went wrong with each file, after all the others are in (one error alone: that error).
    """
    wanted: dict[str, LockedFile | RemoteFile] = {}
    errors: list[WheelyardError] = []
    for file in files:
        if file.sha256 is None:
            errors.append(HashMismatchError("the index promises no sha256", where=file.filename, hint="lock it first"))
        else:
            wanted.setdefault(file.sha256, file)
    missing = {digest: file for digest, file in wanted.items() if not store.has(digest)}
    report(StageStarted(stage="fetch", jobs=len(wanted), bytes=sum(file.size or 0 for file in missing.values())))
    for digest, file in wanted.items():
        if digest not in missing:
            report(JobFinished(stage="fetch", job=file.filename, outcome="reused"))
    try:
        lost = _fetch_all(missing, _Work(store=store, client=client, root=root, report=report), jobs)
    finally:
        report(StageFinished(stage="fetch"))
    if failed is None:
        errors += lost.values()
    else:
        for digest, error in lost.items():
            failed(digest, error)
    if errors:
        raise errors[0] if len(errors) == 1 else Failures(tuple(errors))


def _fetch_all(missing: dict[str, LockedFile | RemoteFile], work: _Work, jobs: int) -> dict[str, WheelyardError]:
    """Fetch everything; return the errors by digest, in the order of the files. A full disk ends it all at once."""
    failed: dict[str, WheelyardError] = {}
    for (digest, file), error in each(missing.items(), work.one, jobs=jobs, name="fetch", stop=work.stop):
        if error is None:
            work.report(JobFinished(stage="fetch", job=file.filename, outcome="done"))
            continue
        if not isinstance(error, WheelyardError):
            raise error
        failed[digest] = error
        work.report(JobFinished(stage="fetch", job=file.filename, outcome="failed", note=error.message))
        if isinstance(error, StorageError):
            raise error
    return {digest: failed[digest] for digest in missing if digest in failed}


def fetch_unknown(url: str, *, store: Store, client: Client) -> tuple[str, int]:
    """Bring a file whose hash nobody knows yet into the store; return its SHA-256 and size, to be locked.

    A ``#sha256=`` behind the URL is checked.

    :raises UpstreamError: if it cannot be had.
    :raises HashMismatchError: if it is not what the URL's fragment promises.
    """
    promised = parse_qs(urlsplit(url).fragment).get("sha256", [None])[0]
    if (path := local_path(url)) is not None:
        return _unknown_local(path, url, store, promised)
    plain = client.with_query(client.remember(url))
    until = client.http.until(None)

    def once() -> tuple[str, int]:
        with store.scratch() as folder:
            path = folder / "file"
            with client.http.stream(plain, until=until) as answer, path.open("wb") as sink:
                for chunk in answer.chunks:
                    if sink.tell() + len(chunk) > LARGEST:
                        raise UpstreamError("the server does not stop sending", where=redact(plain))
                    try:
                        sink.write(chunk)
                    except OSError as error:
                        raise storage_error(path, error) from error
            return store.add_file(path, sha256=promised), path.stat().st_size

    return client.http.again(once)


def _unknown_local(path: Path, url: str, store: Store, promised: str | None) -> tuple[str, int]:
    try:
        return store.add_file(path, sha256=promised), path.stat().st_size
    except OSError as error:
        raise UpstreamError(f"cannot be read: {error.strerror or error}", where=redact(url)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every job of one call shares."""

    store: Store
    client: Client
    root: Path
    report: Reporter
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        if self.stop.is_set():
            raise Interrupted("interrupted", hint="run the same command again: it goes on from there")

    def one(self, item: tuple[str, LockedFile | RemoteFile]) -> None:
        """Fetch one file."""
        digest, file = item
        self.report(JobStarted(stage="fetch", job=file.filename, bytes=file.size or 0))
        local = self._local(file)
        if local is not None:
            self._copy(local, digest)
        else:
            with claimed(self.store, digest, check=self.check) as partial:
                if partial is not None:
                    self._complete(partial, digest, file)

    def _local(self, file: LockedFile | RemoteFile) -> Path | None:
        if isinstance(file, LockedFile) and file.path is not None:
            return self.root / file.path
        if file.url is None:
            raise ConfigError("the lock says neither a URL nor a path", where=file.filename, hint="lock again")
        return local_path(file.url)

    def _copy(self, path: Path, digest: str) -> None:
        try:
            self.store.add_file(path, sha256=digest)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
            raise ConfigError(
                f"a local file cannot be read: {error.strerror or error}",
                where=str(path),
                hint="put it back, or lock again",
            ) from error
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror or error}", where=str(path)) from error

    def _complete(self, partial: Partial, digest: str, file: LockedFile | RemoteFile) -> None:
        """Get the bytes that are missing, as often as it takes, and check the whole."""
        until = self.client.http.until(file.size)
        if partial.sha256 != digest:
            self.client.http.again(lambda: self._more(partial, file, until), progress=lambda: partial.size)
        if partial.sha256 != digest:
            # A beginning of an earlier run, or an answer that was cut unseen: once more, from the first byte.
            partial.restart()
            self.client.http.again(lambda: self._more(partial, file, until), progress=lambda: partial.size)
        if partial.sha256 != digest:
            found = partial.sha256
            partial.discard()
            raise HashMismatchError(
                f"the file at index {file.index or redact(file.url or '')} should have sha256 {digest}, it has {found}",
                where=file.filename,
                hint=_HINT,
            )
        partial.finish(self.store.path(digest))

    def _more(self, partial: Partial, file: LockedFile | RemoteFile, until: float) -> None:
        """Make one request for what is missing and take what comes."""
        limit = LARGEST if file.size is None else file.size
        if partial.size >= limit:
            partial.restart()
        headers = {"range": f"bytes={partial.size}-"} if partial.size else {}
        accept = frozenset({200, 206, 416})
        with self.client.http.stream(self.client.address(file), headers=headers, accept=accept, until=until) as answer:
            if not _continues(answer, partial.size):
                partial.restart()
                if answer.status != 200:
                    raise Interruption("the server lost the place where the file was cut", where=file.filename)
            self._pour(answer, partial, limit, file)

    def _pour(self, answer: Stream, partial: Partial, limit: int, file: LockedFile | RemoteFile) -> None:
        unreported = 0
        for chunk in answer.chunks:
            self.check()
            if partial.size + len(chunk) > limit:
                partial.discard()
                raise HashMismatchError(
                    f"index {file.index} sends more than the {limit} bytes that the file has",
                    where=file.filename,
                    hint=_HINT,
                )
            partial.append(chunk)
            unreported += len(chunk)
            if unreported >= _REPORTED:
                self.report(JobAdvanced(stage="fetch", job=file.filename, bytes=unreported))
                unreported = 0
        if unreported:
            self.report(JobAdvanced(stage="fetch", job=file.filename, bytes=unreported))


def _continues(answer: Stream, size: int) -> bool:
    """Whether an answer goes on exactly where the partial file ends."""
    if size == 0:
        return answer.status == 200
    match = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    return answer.status == 206 and match is not None and int(match[1]) == size
