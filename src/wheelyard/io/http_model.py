"""What the HTTP door takes and gives: settings, credentials, answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wheelyard.domain.errors import UpstreamError

MIB = 1 << 20


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
    read_timeout: float = 30.0
    retries: int = 4
    """How often a request is tried again after the first time."""
    backoff: float = 0.5
    """Wait before the first new try; doubled for each one after it."""
    longest_wait: float = 60.0
    answer_timeout: float = 120.0
    """The status and all headers must be here by then."""
    patience: float = 60.0
    """How long a server may say nothing at all, over all tries, before it is given up; and for how long it then is."""
    notice: float = 10.0
    """A person is told what is waited for after this time, and again each time that it has doubled."""
    stall_window: float = 30.0
    """A server that sent less than ``stall_bytes`` in this time is given up."""
    stall_bytes: int = 16 << 10
    page_limit: int = 256 * MIB
    """Largest page, decompressed."""
    page_timeout: float = 600.0
    """A page must be here by then, however steadily it comes."""
    file_timeout: float = 3600.0
    """A file must be here by then, over all tries; one of known size has the time that it takes at the least pace too.
    """
    redirects: int = 10
    connections: int = 16
    pages: int = 32
    """So many pages are asked for at once: what breaks a shared connection breaks all of them."""


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
    server: tuple[str, str, int] | None = None
    """Scheme, host and port."""
    silent: bool = False
    """The server said nothing at all."""
    shared: bool = False
    """The connection served other requests as well, and any of them may be what it broke at."""
    fault: bool = False
    """The connections are in a state that nobody foresaw: they are not to be used again."""
