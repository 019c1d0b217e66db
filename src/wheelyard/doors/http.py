"""The one door to HTTP: retries, time-outs, bounds, redirects followed by hand, and no secret in any error."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from wheelyard import __version__
from wheelyard.errors import UpstreamError

T = TypeVar("T")

MIB = 1 << 20
STEP = MIB
"""So many more bytes count as getting on."""
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How to talk to servers; times in seconds, sizes in bytes."""

    proxy: str | None = field(default=None, repr=False)
    """URL of a proxy for everything; None: what ``HTTPS_PROXY`` and its like say."""
    ca_bundle: Path | None = None
    """PEM file of the authorities to believe; None: the system's."""
    client_certificate: Path | None = None
    """PEM file with the certificate and key to show to servers."""
    trusted_hosts: frozenset[str] = frozenset()
    """``host`` or ``host:port`` whose certificate is not checked, and that may use plain http."""
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    retries: int = 4
    """How often a request is tried again after the first time."""
    backoff: float = 0.5
    """Wait before the first new try; doubled for each one after it."""
    longest_wait: float = 60.0
    answer_timeout: float = 120.0
    """The status and all headers must be here by then."""
    stall_window: float = 30.0
    """A server that sent less than ``stall_bytes`` in this time is given up."""
    stall_bytes: int = 16 << 10
    page_limit: int = 256 * MIB
    """Largest page, decompressed."""
    redirects: int = 10
    connections: int = 16


class Credentials(Protocol):
    """Who we are to a server."""

    def known(self, url: str) -> tuple[str, str] | None:
        """Return the user name and password to send with a request, if there are any."""
        ...

    def challenged(self, url: str) -> tuple[str, str] | None:
        """Return a user name and password after the server has refused what ``known`` gave (401)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer."""

    status: int
    url: str
    """Where it came from in the end, after redirects."""
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer whose body is still to come."""

    status: int
    url: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
    """The bytes as they are on the wire; raises ``Interruption`` where they end too early."""


class Interruption(UpstreamError):  # noqa: N818  (what happened, not yet an error)
    """The connection broke or fell silent, or the server is busy: trying again may help."""

    retry_after: float = 0.0
    """Seconds that the server asked us to wait."""


def redact(url: str) -> str:
    """Return a URL without user name, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "(an invalid URL)"


def without_userinfo(url: str) -> str:
    """Return a URL without user name and password; everything else as it was."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL: what a secret belongs to."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(scheme, 0)


def local_path(url: str) -> Path | None:
    """Return the path that a ``file:`` URL names, None for any other URL.

    :raises UpstreamError: if the URL names a file of another machine.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "file":
        return None
    if parts.netloc not in ("", "localhost") or "\0" in (path := unquote(parts.path)):
        raise UpstreamError("a file URL must name a file of this machine", where=redact(url))
    return Path(path)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Pace:
    """Watches that bytes keep coming: a byte a second for ever is not an answer."""

    def __init__(self, settings: HttpSettings, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._window, self._least, self._url, self._clock = settings.stall_window, settings.stall_bytes, url, clock
        self._since, self._bytes = clock(), 0

    def moved(self, count: int) -> None:
        """Note that bytes came.

        :raises UpstreamError: if fewer came in the last window than must.
        """
        self._bytes += count
        now = self._clock()
        if now - self._since < self._window:
            return
        if self._bytes < self._least:
            raise UpstreamError(
                f"the server sends almost nothing ({self._bytes} bytes in {now - self._since:.0f} s)",
                where=redact(self._url),
                hint="try again later, or use another index",
            )
        self._since, self._bytes = now, 0


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
                for chunk in self._watched(response.iter_bytes(), final):
                    body += chunk
                    if len(body) > bound:
                        raise UpstreamError(
                            f"the answer is larger than {bound} bytes",
                            where=redact(final),
                            hint="this is not a package index, or it is a hostile one",
                        )
                return Reply(
                    status=response.status_code, url=final, headers=_plain(response.headers), content=bytes(body)
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
                headers=_plain(response.headers),
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
                    raise _refusal(response, url)
                yield response, url
                return
        raise UpstreamError("too many redirects", where=redact(url))

    @contextlib.contextmanager
    def _send(self, url: str, headers: Mapping[str, str], multiplex: bool) -> Iterator[httpx.Response]:
        """Yield the answer to one request; ask again with better credentials if the server wants some."""
        self._check(url)
        client = self._client(multiplex=multiplex, verify=not self.trusts(url))
        plain = without_userinfo(url)
        known = _userinfo(url) or (self._credentials.known(url) if self._credentials else None)

        def ask(who: tuple[str, str] | None) -> httpx.Response:
            request = client.build_request("GET", plain, headers=_authorised(headers, who))
            return _within(self.settings.answer_timeout, lambda: client.send(request, stream=True), url)

        with _translated(url):
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
        if scheme == "http" and not (self.trusts(url) or _is_loopback(host)):
            raise UpstreamError(
                "plain http can be read and changed on its way",
                where=redact(url),
                hint=f"use https, or trust the host: --trusted-host {host} (pip's trusted-host)",
            )

    def _redirected(self, url: str, location: str) -> str:
        target = without_userinfo(urljoin(without_userinfo(url), location))
        if origin(url)[0] == "https" and origin(target)[0] == "http" and not self.trusts(target):
            raise UpstreamError(
                f"redirects from https to plain http: {redact(target)}",
                where=redact(url),
                hint="use the final address if it is yours and trusted, else another index",
            )
        return target

    def _watched(self, chunks: Iterator[bytes], url: str) -> Iterator[bytes]:
        pace = Pace(self.settings, url)
        with _translated(url):
            for chunk in chunks:
                pace.moved(len(chunk))
                yield chunk

    def _client(self, *, multiplex: bool, verify: bool) -> httpx.Client:
        with self._lock:
            client = self._clients.get((multiplex, verify))
            if client is None:
                client = self._clients[multiplex, verify] = self._new_client(multiplex, verify)
            return client

    def _new_client(self, multiplex: bool, verify: bool) -> httpx.Client:
        """Pages share one HTTP/2 connection; large files get one HTTP/1.1 connection each, which is faster here."""
        settings = self.settings
        return httpx.Client(
            http1=True,
            http2=multiplex,
            verify=_tls(settings, verify),
            proxy=settings.proxy,
            follow_redirects=False,
            timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=settings.connections, max_keepalive_connections=settings.connections),
            headers={"user-agent": f"wheelyard/{__version__}"},
        )


def _tls(settings: HttpSettings, verify: bool) -> ssl.SSLContext:
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


def _within(seconds: float, ask: Callable[[], httpx.Response], url: str) -> httpx.Response:
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


def _userinfo(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def _authorised(headers: Mapping[str, str], who: tuple[str, str] | None) -> dict[str, str]:
    if who is None:
        return dict(headers)
    return {**headers, "authorization": "Basic " + b64encode(f"{who[0]}:{who[1]}".encode()).decode()}


def _plain(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


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


def _refusal(response: httpx.Response, url: str) -> UpstreamError:
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
def _translated(url: str) -> Iterator[None]:
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
