"""Underneath the HTTP door, everything that touches httpx: TLS, limits on time, and its errors in our words."""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping

import httpx

from wheelyard import __version__
from wheelyard.doors.http_model import HttpSettings, Interruption
from wheelyard.doors.urls import redact
from wheelyard.errors import UpstreamError

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class Pace:
    """Watches that bytes keep coming: a byte a second for ever is not an answer."""

    def __init__(
        self,
        settings: HttpSettings,
        url: str,
        *,
        total: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``total``: seconds in which everything must be here."""
        self._settings, self._url, self._clock, self._total = settings, url, clock, total
        self._start = self._since = clock()
        self._bytes = 0

    def moved(self, count: int) -> None:
        """Note that bytes came.

        :raises UpstreamError: if fewer came in the last window than must, or if it all takes too long.
        """
        self._bytes += count
        now = self._clock()
        if self._total is not None and now - self._start > self._total:
            raise UpstreamError(
                f"the answer takes longer than {self._total:.0f} s", where=redact(self._url), hint="try again later"
            )
        if now - self._since < self._settings.stall_window:
            return
        if self._bytes < self._settings.stall_bytes:
            raise UpstreamError(
                f"the server sends almost nothing ({self._bytes} bytes in {now - self._since:.0f} s)",
                where=redact(self._url),
                hint="try again later, or use another index",
            )
        self._since, self._bytes = now, 0


def new_client(settings: HttpSettings, *, multiplex: bool, verify: bool) -> httpx.Client:
    """Pages share one HTTP/2 connection; large files get one HTTP/1.1 connection each, which is faster here."""
    proxy = settings.proxy
    if proxy is not None and "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        return _client(settings, proxy, multiplex=multiplex, verify=verify)
    except (ValueError, ImportError, httpx.InvalidURL):
        raise UpstreamError(
            "the proxy setting is not valid, or of a kind that is not supported",
            where="proxy",
            hint="check proxy in pip's configuration, and HTTP_PROXY, HTTPS_PROXY and ALL_PROXY: http://HOST:PORT",
        ) from None


def _client(settings: HttpSettings, proxy: str | None, *, multiplex: bool, verify: bool) -> httpx.Client:
    return httpx.Client(
        http1=True,
        http2=multiplex,
        verify=_tls(settings, verify=verify),
        proxy=proxy,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=None),
        limits=httpx.Limits(max_connections=settings.connections, max_keepalive_connections=settings.connections),
        headers={"user-agent": f"wheelyard/{__version__}"},
    )


def _tls(settings: HttpSettings, *, verify: bool) -> ssl.SSLContext:
    try:
        if settings.ca_bundle is not None and settings.ca_bundle.is_dir():
            context = ssl.create_default_context(capath=str(settings.ca_bundle))
        else:
            context = ssl.create_default_context(cafile=str(settings.ca_bundle) if settings.ca_bundle else None)
        if settings.client_certificate is not None:
            context.load_cert_chain(settings.client_certificate)
    except (OSError, ssl.SSLError) as error:
        raise UpstreamError(
            f"cannot read the certificates: {error}",
            where=str(settings.ca_bundle or settings.client_certificate),
            hint="check cert and client-cert in pip's configuration",
        ) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def within(seconds: float, ask: Callable[[], httpx.Response], url: str) -> httpx.Response:
    """Return an answer whose headers came in time.

    httpx only limits the wait for the next byte, so a server that sends its headers a byte a second would hold us for
    hours. The request is made in a thread that is left behind if it takes too long.
    """
    answers: queue.SimpleQueue[httpx.Response | BaseException] = queue.SimpleQueue()
    lock, abandoned = threading.Lock(), threading.Event()

    def work() -> None:
        answer: httpx.Response | BaseException
        try:
            answer = ask()
        except BaseException as error:
            answer = error
        with lock:
            if not abandoned.is_set():
                answers.put(answer)
            elif isinstance(answer, httpx.Response):
                answer.close()

    threading.Thread(target=work, name="http", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except BaseException as error:
        with lock:
            abandoned.set()
        while not answers.empty():
            if isinstance(late := answers.get(), httpx.Response):
                late.close()
        if isinstance(error, queue.Empty):
            raise UpstreamError(
                f"no complete answer within {seconds:.0f} s", where=redact(url), hint="try again later"
            ) from None
        raise
    if isinstance(answer, BaseException):
        raise answer
    return answer


def authorised(headers: Mapping[str, str], who: tuple[str, str] | None) -> dict[str, str]:
    """Return request headers that say who we are."""
    if who is None:
        return dict(headers)
    return {**headers, "authorization": "Basic " + b64encode(f"{who[0]}:{who[1]}".encode()).decode()}


def plain(headers: httpx.Headers) -> dict[str, str]:
    """Return headers with names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def refusal(response: httpx.Response, url: str) -> UpstreamError:
    """Return the error for an answer that is not one of those that were expected."""
    status = response.status_code
    message = f"the server answers {status} {response.reason_phrase}".rstrip()
    if status in RETRIED:
        hint = "it asks for less haste; try again later" if status == 429 else "the server is in trouble; try later"
        error = Interruption(message, where=redact(url), hint=hint)
        after = response.headers.get("retry-after", "")
        error.retry_after = float(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0.0
        return error
    hints = {
        401: "give a user name and password in pip's index-url, in netrc or in keyring",
        403: "the server refuses; check your credentials, or that the file is not blocked by policy",
        404: "check the address of the index",
        407: "the proxy wants a user name and password",
        410: "it was removed there",
    }
    return UpstreamError(message, where=redact(url), hint=hints.get(status))


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what httpx raises into our errors; its messages may hold a URL, so only their kind is kept."""
    where = redact(url)
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Interruption("no connection within the time limit", where=where, hint="is the network up?") from error
    except httpx.TimeoutException as error:
        raise Interruption("the server fell silent", where=where, hint="try again later") from error
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise UpstreamError(
                "the server's certificate does not verify",
                where=where,
                hint="set cert in pip's configuration to your authority's PEM file, or trust the host",
            ) from error
        raise Interruption(
            f"cannot connect: {error}", where=where, hint="check the address, proxy and network"
        ) from error
    except httpx.ProxyError as error:
        raise Interruption("the proxy does not work", where=where, hint="check the proxy setting") from error
    except httpx.DecodingError as error:
        raise UpstreamError("the answer's compression is damaged", where=where) from error
    except httpx.TransportError as error:
        raise Interruption("the connection was cut", where=where, hint="try again") from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UpstreamError("the URL is not valid", where=where) from error
