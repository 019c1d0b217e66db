"""The one door to HTTP: retries, time-outs, bounds, redirects followed by hand, and no secret in any error."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import httpx

from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.events import Reporter, Warned, silent
from wheelyard.io import http_loop, wire
from wheelyard.io.http_model import MIB, Credentials, HttpSettings, Interruption, Reply, Stream
from wheelyard.io.urls import is_loopback, local_path, origin, redact, userinfo, without_userinfo

__all__ = ["Credentials", "Http", "HttpSettings", "Interruption", "Reply", "Stream"]

T = TypeVar("T")
Origin = tuple[str, str, int]

STEP = MIB
"""So many more bytes count as getting on."""
_BREAKS = 20
"""How often a shared connection may break under a request, while others get on, without costing it one of its tries."""
_SLOW = 16_000
"""Bytes a second: of an answer that comes more slowly than this, a person is told."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Http:
    """Requests to any number of servers, from any number of threads.

    All of them live in one event loop, where pages share HTTP/2 connections; the calling thread decides what to ask,
    what to believe and when to ask again.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        credentials: Credentials | None = None,
        *,
        report: Reporter = silent,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``report`` is told what is waited for, when that takes long."""
        self.settings = settings or HttpSettings()
        self._credentials = credentials
        self._report = report
        self._sleep = sleep
        self._lock = threading.Lock()
        self._loop = http_loop.Loop()
        self._pages = threading.Semaphore(self.settings.pages)
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}
        self._heard: dict[Origin, float] = {}
        self._given_up: dict[Origin, tuple[float, Interruption]] = {}
        self._told: dict[Origin, float] = {}

    def close(self) -> None:
        """Close every connection, and end every request; none can be made afterwards."""
        self._loop.close()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def trusts(self, url: str) -> bool:
        """Whether the user said to trust this host as it is."""
        _, host, port = origin(url)
        return bool({host, f"{host}:{port}", "*"} & self.settings.trusted_hosts)

    def until(self, size: int | None) -> float:
        """Return when a file must be here (monotonic clock): one of known size may take as long as the least pace."""
        settings = self.settings
        return time.monotonic() + settings.file_timeout + (size or 0) * settings.stall_window / settings.stall_bytes

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
            with self._pages, self._answer(url, headers or {}, accept, multiplex=True) as opened:
                action = functools.partial(opened.whole, bound, self.settings.page_timeout)
                content = self._loop.call(action, waiting=self._telling(opened.url, "its answer is not complete"))
                response = opened.response
                return Reply(
                    status=response.status_code, url=opened.url, headers=wire.plain(response.headers), content=content
                )

        return self.again(once)

    @contextlib.contextmanager
    def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset({200}),
        until: float | None = None,
    ) -> Iterator[Stream]:
        """Yield an answer whose body comes in pieces, not decompressed. Not retried: see ``again``.

        :param until: when all of it must be here, on the monotonic clock; None: what ``until(None)`` says.
        :raises UpstreamError: as ``get`` does; its subclass ``Interruption`` where trying again may help.
        """
        wanted = {"accept-encoding": "identity", **(headers or {})}
        with self._answer(url, wanted, accept, multiplex=False) as opened:
            yield Stream(
                status=opened.response.status_code,
                url=opened.url,
                headers=wire.plain(opened.response.headers),
                chunks=self._pieces(opened, self.until(None) if until is None else until),
            )

    def again(self, action: Callable[[], T], *, progress: Callable[[], int] | None = None) -> T:
        """Run an action, and again after each ``Interruption``, waiting twice as long each time.

        A server that says nothing at all is given up when all tries together took ``patience`` seconds, and then for
        everybody, until that much time has passed again.

        :param progress: how far the action has come (bytes); every ``STEP`` that it comes further than ever before
            gives it all its tries back.
        :raises Interruption: the last one, when all tries are used up.
        """
        left, wait, furthest, breaks, mute = self.settings.retries, self.settings.backoff, 0, 0, 0.0
        first = time.monotonic()
        while True:
            started = time.monotonic()
            try:
                return action()
            except Interruption as error:
                if progress is not None and progress() >= furthest + STEP:
                    left, wait, furthest = self.settings.retries, self.settings.backoff, progress()
                    mute = 0.0
                if error.shared and breaks < _BREAKS and self._heard_since(started, error):
                    breaks += 1  # somebody's trouble broke it for all
                    continue
                mute += time.monotonic() - started if error.silent else 0.0
                pause = max(wait, error.retry_after)
                if left <= 0 or pause > self.settings.longest_wait or mute >= self.settings.patience:
                    self._give_up(error, first)
                    raise
                self._tell(error, pause)
            left -= 1
            self._sleep(pause)
            wait = min(wait * 2, self.settings.longest_wait)

    @contextlib.contextmanager
    def _answer(
        self, url: str, headers: Mapping[str, str], accept: frozenset[int], *, multiplex: bool
    ) -> Iterator[http_loop.Opened]:
        """Yield the answer, with its body to come, that a chain of redirects ends at."""
        for _ in range(self.settings.redirects + 1):
            with self._send(url, headers, multiplex) as opened:
                response = opened.response
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    url = self._redirected(url, response.headers["location"])
                    continue
                if response.status_code not in accept:
                    raise wire.refusal(response, url)
                yield opened
                return
        raise UpstreamError("too many redirects", where=redact(url))

    @contextlib.contextmanager
    def _send(self, url: str, headers: Mapping[str, str], multiplex: bool) -> Iterator[http_loop.Opened]:
        """Yield the answer to one request; ask again with better credentials if the server wants some."""
        self._check(url)
        kind = (multiplex, not self.trusts(url))
        client = self._client(*kind)
        try:
            known = userinfo(url) or (self._credentials.known(url) if self._credentials else None)
            response = self._ask(client, url, headers, known, multiplex)
            if response.status_code == 401 and self._credentials and (more := self._credentials.challenged(url)):
                self._close(self._opened(response, url, multiplex))
                response = self._ask(client, url, headers, more, multiplex)
            opened = self._opened(response, url, multiplex)
            try:
                yield opened
            finally:
                self._close(opened)
        except Interruption as error:
            if error.fault:
                with self._lock:
                    if self._clients.get(kind) is client:
                        del self._clients[kind]
            raise

    def _ask(
        self, client: httpx.AsyncClient, url: str, headers: Mapping[str, str], who: tuple[str, str] | None, shared: bool
    ) -> httpx.Response:
        with wire.translated(url):
            request = client.build_request(
                "GET",
                without_userinfo(url),
                headers=wire.authorised(headers, who),
                extensions={"trace": wire.closing_what_is_cancelled()},
            )
        ask = functools.partial(
            http_loop.ask, client, request, url, seconds=self.settings.answer_timeout, multiplex=shared
        )
        response = self._loop.call(ask, waiting=self._telling(url, "no answer yet"))
        self._heard[origin(url)] = time.monotonic()
        return response

    def _opened(self, response: httpx.Response, url: str, multiplex: bool) -> http_loop.Opened:
        chunks = response.aiter_bytes() if multiplex else response.aiter_raw()
        return http_loop.Opened(response, url, wire.Pace(self.settings, url), chunks)

    def _close(self, opened: http_loop.Opened) -> None:
        with contextlib.suppress(UpstreamError):  # all is closed already
            self._loop.call(opened.close)

    def _pieces(self, opened: http_loop.Opened, until: float) -> Iterator[bytes]:
        """Yield the bytes of a body; a person hears of one that comes slowly."""
        started, moved, notice = time.monotonic(), 0, self.settings.notice
        some = functools.partial(opened.some, until)
        while chunk := self._loop.call(some, waiting=self._telling(opened.url, "no more bytes of it")):
            yield chunk
            moved += len(chunk)
            if (passed := time.monotonic() - started) >= notice:
                notice = passed * 2
                if moved < _SLOW * passed:
                    self._say(opened.url, f"comes slowly: {moved} bytes in {passed:.0f} s")

    def _telling(self, url: str, what: str) -> Callable[[float], float]:
        """Return what tells a person, more and more seldom, that something is waited for."""

        def waiting(passed: float) -> float:
            if passed < self.settings.notice:
                return self.settings.notice - passed
            self._say(url, f"{what} after {passed:.0f} s; still waiting")
            return passed

        return waiting

    def _say(self, url: str, what: str) -> None:
        """Tell a person something about a server, where nothing was said about it a moment ago."""
        server, now = origin(url), time.monotonic()
        with self._lock:
            if now - self._told.get(server, float("-inf")) < self.settings.notice * 0.9:
                return
            self._told[server] = now
        self._report(Warned(message=f"{redact(url)}: {what}"))

    def _tell(self, error: Interruption, pause: float) -> None:
        """Tell a person what the next try waits for, where it is worth it."""
        if error.where and (error.silent or pause >= self.settings.notice):
            self._say(error.where, f"{error.message}; the next try is in {pause:.0f} s")

    def _heard_since(self, moment: float, error: Interruption) -> bool:
        return error.server is not None and self._heard.get(error.server, float("-inf")) >= moment

    def _give_up(self, error: Interruption, since: float) -> None:
        """Remember a server that said nothing to anybody since a moment."""
        if error.server is not None and error.silent and not self._heard_since(since, error):
            self._given_up[error.server] = time.monotonic(), error

    def _check_given_up(self, server: Origin) -> None:
        """Refuse to wait for what others have waited for in vain a moment ago."""
        given_up = self._given_up.get(server)
        if given_up is None:
            return
        moment, error = given_up
        if (passed := time.monotonic() - moment) < self.settings.patience and self._heard.get(server, 0.0) < moment:
            raise UpstreamError(
                f"{error.message}; given up {passed:.0f} s ago, after all tries", where=error.where, hint=error.hint
            )

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
        self._check_given_up(origin(url))

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

    def _client(self, multiplex: bool, verify: bool) -> httpx.AsyncClient:
        with self._lock:
            client = self._clients.get((multiplex, verify))
            if client is None:
                client = wire.new_client(self.settings, multiplex=multiplex, verify=verify)
                self._clients[multiplex, verify] = client
                self._loop.at_close(client.aclose)
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
