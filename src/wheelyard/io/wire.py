"""Underneath the HTTP door, everything that touches httpx: TLS, limits on time, and its errors in our words."""

from __future__ import annotations

import contextlib
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.request import proxy_bypass

import anyio
import anyio.abc
import httpx

from wheelyard import __version__
from wheelyard.domain.errors import UpstreamError
from wheelyard.io.http_model import HttpSettings, Interruption
from wheelyard.io.urls import origin, redact

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class Pace:
    """Watches that bytes keep coming: a byte a second for ever is not an answer."""

    def __init__(
        self,
        settings: HttpSettings,
        url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._url, self._clock = settings, url, clock
        self._since = clock()
        self._bytes = 0

    def moved(self, count: int) -> None:
        """Note that bytes came.

        :raises UpstreamError: if fewer came in the last window than must.
        """
        self._bytes += count
        now = self._clock()
        if now - self._since < self._settings.stall_window:
            return
        if self._bytes < self._settings.stall_bytes:
            raise UpstreamError(
                f"the server sends almost nothing ({self._bytes} bytes in {now - self._since:.0f} s)",
                where=redact(self._url),
                hint="try again later, or use another index",
            )
        self._since, self._bytes = now, 0


def new_client(settings: HttpSettings, *, multiplex: bool, verify: bool) -> httpx.AsyncClient:
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


def _client(settings: HttpSettings, proxy: str | None, *, multiplex: bool, verify: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
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


@contextlib.contextmanager
def within(seconds: float, late: Callable[[], UpstreamError]) -> Iterator[None]:
    """Cancel what is awaited in the block when time is over, and raise the error that ``late`` makes."""
    with anyio.move_on_after(max(0.0, seconds)) as scope:
        yield
    if scope.cancelled_caught:
        raise late()


def closing_what_is_cancelled() -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Return what watches one request (httpcore's extension ``trace``), and closes a connection that it gives up early.

    httpcore closes a connection whose TLS handshake fails or takes too long, but forgets one that is cancelled then.
    """
    connected: list[anyio.abc.AsyncResource] = []

    async def trace(event: str, about: Mapping[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            connected.append(about["return_value"])
        elif event.endswith("start_tls.failed"):
            with anyio.CancelScope(shield=True):
                for stream in connected:
                    await stream.aclose()

    return trace


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
def translated(url: str, *, shared: bool = False) -> Iterator[None]:
    """Turn whatever the libraries underneath raise into our errors, and into interruptions where another try may help.

    Their messages may hold a URL, so only their kind is kept. What is no error of httpx is a fault of h2, hpack,
    httpcore, anyio or ssl that it does not know of either (a ``KeyError`` for a stream that is gone, say): a new
    connection most likely has not got it.

    :param shared: whether the connection may have served other requests too.
    """
    try:
        yield
    except UpstreamError:
        raise
    except httpx.HTTPError as error:
        raise _in_our_words(error, redact(url), shared) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UpstreamError("the URL is not valid", where=redact(url)) from error
    except Exception as error:
        raise interruption(
            f"the connection failed ({type(error).__name__})", redact(url), "try again", shared=shared, fault=True
        ) from error


def _in_our_words(error: httpx.HTTPError, where: str, shared: bool) -> UpstreamError:
    match error:
        case httpx.ConnectTimeout():
            return interruption("no connection within the time limit", where, "is the network up?", silent=True)
        case httpx.TimeoutException():
            return interruption("the server fell silent", where, "try again later", silent=True, fault=shared)
        case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return UpstreamError(
                "the server's certificate does not verify",
                where=where,
                hint="set cert in pip's configuration to your authority's PEM file, or trust the host",
            )
        case httpx.ConnectError() | httpx.ProxyError() if proxy := _proxy(where):
            address, variable = proxy
            return interruption(
                f"cannot connect through the proxy {address}: {_reason(error)}",
                where,
                f"it comes from the variable {variable}: correct it or take it away, or name the host in NO_PROXY",
                silent=True,
            )
        case httpx.ConnectError():
            return interruption(
                f"cannot connect: {_reason(error)}", where, "check the address, proxy and network", silent=True
            )
        case httpx.ProxyError():
            return interruption("the proxy does not work", where, "check proxy in pip's configuration", silent=True)
        case httpx.DecodingError():
            return UpstreamError("the answer's compression is damaged", where=where)
        case httpx.UnsupportedProtocol() | httpx.TooManyRedirects():
            return UpstreamError("the URL is not valid", where=where)
        case _:
            return interruption("the connection was cut", where, "try again", shared=shared)


def _proxy(url: str) -> tuple[str, str] | None:
    """Return the proxy that the environment has for a URL, without its password, and the variable that says so."""
    scheme, host, _ = origin(url)
    if proxy_bypass(host):
        return None
    for name in (f"{scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if value := os.environ.get(variable):
                return redact(value), variable
    return None


def interruption(
    message: str, where: str, hint: str, *, silent: bool = False, shared: bool = False, fault: bool = False
) -> Interruption:
    """Return the error for a connection that failed; see ``Interruption`` for the arguments."""
    error = Interruption(message, where=where, hint=hint)
    error.server, error.silent, error.shared, error.fault = origin(where), silent, shared, fault
    return error


def _reason(error: BaseException) -> str:
    """Return what the operating system said, which is underneath what each library made of it."""
    seen = error
    while (below := seen.__cause__ or seen.__context__) is not None:
        seen = below
    if isinstance(seen, BaseExceptionGroup):
        seen = seen.exceptions[0]
    return (seen.strerror if isinstance(seen, OSError) else None) or str(error)
