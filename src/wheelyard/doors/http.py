"""The one door to HTTP: retries, time-outs, bounds, redirects followed by hand, and no secret in any error."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import httpx

from wheelyard.doors import wire
from wheelyard.doors.http_model import MIB, Credentials, HttpSettings, Interruption, Reply, Stream
from wheelyard.doors.urls import is_loopback, local_path, origin, redact, userinfo, without_userinfo
from wheelyard.errors import UpstreamError

__all__ = ["Credentials", "Http", "HttpSettings", "Interruption", "Reply", "Stream"]

T = TypeVar("T")

STEP = MIB
"""So many more bytes count as getting on."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Http:
    """Requests to any number of servers, from any number of threads; connections are kept alive and shared."""

    def __init__(
        self,
        settings: HttpSettings | None = None,
        credentials: Credentials | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or HttpSettings()
        self._credentials = credentials
        self._sleep = sleep
        self._lock = threading.Lock()
        self._clients: dict[tuple[bool, bool], httpx.Client] = {}

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def trusts(self, url: str) -> bool:
        """Whether the user said to trust this host as it is."""
        _, host, port = origin(url)
        return bool({host, f"{host}:{port}", "*"} & self.settings.trusted_hosts)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
        accept: frozenset[int] = frozenset({200}),
    ) -> Reply:
        """Return a whole answer, decompressed and no larger than ``limit`` bytes.

        :raises UpstreamError: if the server cannot be reached, answers with a status that is not in ``accept``, sends
            too much or too slowly, or leads to a place that is not safe.
        """
        bound = self.settings.page_limit if limit is None else limit
        if (path := local_path(url)) is not None:
            return _read_file(path, url, bound, accept)

        def once() -> Reply:
            with self._answer(url, headers or {}, accept, multiplex=True) as (response, final):
                body = bytearray()
                for chunk in self._watched(response.iter_bytes(), final, total=self.settings.page_timeout):
                    body += chunk
                    if len(body) > bound:
                        raise UpstreamError(
                            f"the answer is larger than {bound} bytes",
                            where=redact(final),
                            hint="this is not a package index, or it is a hostile one",
                        )
                return Reply(
                    status=response.status_code, url=final, headers=wire.plain(response.headers), content=bytes(body)
                )

        return self.again(once)

    @contextlib.contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset({200}),
    ) -> Iterator[Stream]:
        """Yield an answer whose body comes in pieces, not decompressed. Not retried: see ``again``.

        :raises UpstreamError: as ``get`` does; its subclass ``Interruption`` where trying again may help.
        """
        wanted = {"accept-encoding": "identity", **(headers or {})}
        with self._answer(url, wanted, accept, multiplex=False) as (response, final):
            yield Stream(
                status=response.status_code,
                url=final,
                headers=wire.plain(response.headers),
                chunks=self._watched(response.iter_raw(), final),
            )

    def again(self, action: Callable[[], T], *, progress: Callable[[], int] | None = None) -> T:
        """Run an action, and again after each ``Interruption``, waiting twice as long each time.

        :param progress: how far the action has come (bytes); every ``STEP`` that it comes further than ever before
            gives it all its tries back.
        :raises Interruption: the last one, when all tries are used up.
        """
        left, wait, furthest = self.settings.retries, self.settings.backoff, 0
        while True:
            try:
                return action()
            except Interruption as error:
                if progress is not None and progress() >= furthest + STEP:
                    left, wait, furthest = self.settings.retries, self.settings.backoff, progress()
                pause = max(wait, error.retry_after)
                if left <= 0 or pause > self.settings.longest_wait:
                    raise
            left -= 1
            self._sleep(pause)
            wait = min(wait * 2, self.settings.longest_wait)

    @contextlib.contextmanager
    def _answer(
        self, url: str, headers: Mapping[str, str], accept: frozenset[int], *, multiplex: bool
    ) -> Iterator[tuple[httpx.Response, str]]:
        """Yield the answer, with its body to come, that a chain of redirects ends at."""
        with contextlib.ExitStack() as stack:
            for _ in range(self.settings.redirects + 1):
                response = stack.enter_context(self._send(url, headers, multiplex))
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    url = self._redirected(url, response.headers["location"])
                    stack.close()
                    continue
                if response.status_code not in accept:
                    raise wire.refusal(response, url)
                yield response, url
                return
        raise UpstreamError("too many redirects", where=redact(url))

    @contextlib.contextmanager
    def _send(self, url: str, headers: Mapping[str, str], multiplex: bool) -> Iterator[httpx.Response]:
        """Yield the answer to one request; ask again with better credentials if the server wants some."""
        self._check(url)
        client = self._client(multiplex=multiplex, verify=not self.trusts(url))
        plain = without_userinfo(url)
        known = userinfo(url) or (self._credentials.known(url) if self._credentials else None)

        def ask(who: tuple[str, str] | None) -> httpx.Response:
            request = client.build_request("GET", plain, headers=wire.authorised(headers, who))
            return wire.within(self.settings.answer_timeout, lambda: client.send(request, stream=True), url)

        with wire.translated(url):
            response = ask(known)
            if response.status_code == 401 and self._credentials and (more := self._credentials.challenged(url)):
                response.close()
                response = ask(more)
        try:
            yield response
        finally:
            response.close()

    def _check(self, url: str) -> None:
        """Refuse what is not http, and plain http to anybody but ourselves and those whom the user trusts."""
        scheme, host, _ = origin(url)
        if scheme not in ("http", "https") or not host:
            raise UpstreamError("neither an http nor an https URL", where=redact(url))
        if scheme == "http" and not (self.trusts(url) or is_loopback(host)):
            raise UpstreamError(
                "plain http can be read and changed on its way",
                where=redact(url),
                hint=f"use https, or trust the host: --trusted-host {host} (pip's trusted-host)",
            )

    def _redirected(self, url: str, location: str) -> str:
        try:
            target = without_userinfo(urljoin(without_userinfo(url), location))
        except ValueError:
            raise UpstreamError("redirects to something that is no URL", where=redact(url)) from None
        if origin(url)[0] == "https" and origin(target)[0] == "http" and not self.trusts(target):
            raise UpstreamError(
                f"redirects from https to plain http: {redact(target)}",
                where=redact(url),
                hint="use the final address if it is yours and trusted, else another index",
            )
        return target

    def _watched(self, chunks: Iterator[bytes], url: str, *, total: float | None = None) -> Iterator[bytes]:
        pace = wire.Pace(self.settings, url, total=total)
        with wire.translated(url):
            for chunk in chunks:
                pace.moved(len(chunk))
                yield chunk

    def _client(self, *, multiplex: bool, verify: bool) -> httpx.Client:
        with self._lock:
            client = self._clients.get((multiplex, verify))
            if client is None:
                client = self._clients[multiplex, verify] = wire.new_client(
                    self.settings, multiplex=multiplex, verify=verify
                )
            return client


def _read_file(path: Path, url: str, limit: int, accept: frozenset[int]) -> Reply:
    if path.is_dir():
        path /= "index.html"
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        if 404 in accept:
            return Reply(status=404, url=url, headers={}, content=b"")
        raise UpstreamError("there is no such file", where=redact(url)) from None
    except OSError as error:
        raise UpstreamError(f"cannot be read: {error.strerror or error}", where=redact(url)) from error
    if len(content) > limit:
        raise UpstreamError(f"the file is larger than {limit} bytes", where=redact(url))
    kind = "application/vnd.pypi.simple.v1+json" if path.suffix == ".json" else "text/html"
    return Reply(status=200, url=url, headers={"content-type": kind}, content=content)
