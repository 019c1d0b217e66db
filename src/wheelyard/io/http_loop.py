"""The event loop that all HTTP lives in: one thread of its own, called from any number of others.

HTTP/2 keeps the state of a connection (h2, hpack) in one place for all the requests on it, which no lock of ours makes
safe between threads. In one loop there is nothing to lock.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import httpx
from anyio.from_thread import BlockingPortal

from wheelyard.domain.errors import UpstreamError
from wheelyard.io import wire
from wheelyard.io.http_model import MIB
from wheelyard.io.urls import redact

T = TypeVar("T")

_GATHERED = MIB
"""So many bytes of a body go from the loop to a thread at once: each hop costs both of them a switch."""
_GATHERING = 0.1
"""Seconds: a slow body is handed over sooner than that."""
_REST = 64 << 10
_RESTING = 1.0
"""What of an answer that nobody wants is still read, and for how long."""


class Loop:
    """Runs coroutines for threads. Its own thread starts with the first one, and never keeps a program from ending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._thread: threading.Thread | None = None
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._closed = False

    def at_close(self, action: Callable[[], Awaitable[None]]) -> None:
        """Let a coroutine run in the loop when all others have ended."""
        self._closing.append(action)

    def call(self, action: Callable[[], Awaitable[T]], *, waiting: Callable[[float], float] | None = None) -> T:
        """Run a coroutine in the loop and return what it returns. Who is interrupted while waiting cancels it.

        :param waiting: called with the seconds waited so far, from 0 on; returns after how many more to call it again.
        :raises UpstreamError: if the loop was closed before the coroutine ended.
        """
        started = time.monotonic()
        try:
            future = self._running().start_task_soon(action)
            try:
                while waiting is not None:
                    more = waiting(time.monotonic() - started)
                    if concurrent.futures.wait([future], timeout=more).done:
                        break
                return future.result()
            except BaseException:
                future.cancel()
                raise
        except (concurrent.futures.CancelledError, RuntimeError) as error:  # the portal's word for "not running"
            if self._closed:
                raise UpstreamError("the connections were closed", hint="run the same command again") from error
            raise

    def close(self) -> None:
        """Cancel what runs, and end the thread; nothing can be called afterwards."""
        with self._lock:
            self._closed = True
            portal, thread = self._portal, self._thread
        if portal is not None and thread is not None:
            with contextlib.suppress(RuntimeError):  # closed before
                portal.start_task_soon(portal.stop, True)
            thread.join(5)  # a server that does not let go must not hold us; the thread is a daemon

    def _running(self) -> BlockingPortal:
        with self._lock:
            if self._closed:
                raise UpstreamError("the connections were closed", hint="run the same command again")
            if self._portal is None:
                started: concurrent.futures.Future[BlockingPortal] = concurrent.futures.Future()
                self._thread = threading.Thread(target=self._serve, args=[started], name="http", daemon=True)
                self._thread.start()
                self._portal = started.result()
            return self._portal

    def _serve(self, started: concurrent.futures.Future[BlockingPortal]) -> None:
        async def main() -> None:
            async with BlockingPortal() as portal:
                started.set_result(portal)
                await portal.sleep_until_stopped()
            for action in self._closing:
                with contextlib.suppress(Exception):  # a connection that cannot be closed is gone already
                    await action()

        anyio.run(main)


@dataclass(slots=True)
class Opened:
    """An answer whose body is still to come. Its coroutines run in the loop."""

    response: httpx.Response
    url: str
    pace: wire.Pace
    chunks: AsyncIterator[bytes]
    ended: bool = False
    error: BaseException | None = None

    @property
    def shared(self) -> bool:
        """Whether other answers may come over the same connection."""
        return self.response.http_version == "HTTP/2"

    async def whole(self, limit: int, seconds: float) -> bytes:
        """Return the whole body.

        :raises UpstreamError: if it is larger than ``limit`` bytes, or takes longer than so many seconds.
        """
        body = bytearray()
        with wire.within(seconds, lambda: self._late(seconds)):
            while (chunk := await self._next()) is not None:
                body += chunk
                if len(body) > limit:
                    raise UpstreamError(
                        f"the answer is larger than {limit} bytes",
                        where=redact(self.url),
                        hint="this is not a package index, or it is a hostile one",
                    )
        return bytes(body)

    async def some(self, until: float) -> bytes:
        """Return the next bytes, about a MiB if they come fast; none at the end.

        :param until: when all of the body must be here, on the monotonic clock.
        :raises UpstreamError: what ended the body, after all the bytes that came before it have been returned.
        """
        if self.error is not None:
            raise self.error
        gathered = bytearray()
        started = time.monotonic()
        try:
            with wire.within(until - started, lambda: self._late(None)):
                while len(gathered) < _GATHERED and time.monotonic() - started < _GATHERING:
                    chunk = await self._next()
                    if chunk is None:
                        break
                    gathered += chunk
                    if not self._more_is_here():  # what came is not kept back while the server is silent
                        break
        except UpstreamError as error:
            if not gathered:
                raise
            self.error = error
        return bytes(gathered)

    async def close(self) -> None:
        """Let go of the answer.

        Where it shares its connection and has not ended, the server goes on sending, and nobody would make room for
        that: a small rest is read, with a larger one the connection goes.
        """
        if self.shared and not self.ended:
            with contextlib.suppress(UpstreamError):
                await self.whole(_REST, _RESTING)
        if self.shared and not self.ended and (stream := self.response.extensions.get("network_stream")):
            with contextlib.suppress(Exception):
                await stream.aclose()
        with contextlib.suppress(Exception):  # the answer is done with; what its connection still says is not asked
            await self.response.aclose()

    async def _next(self) -> bytes | None:
        if self.ended:
            return None
        with wire.translated(self.url, shared=self.shared):
            chunk = await anext(self.chunks, None)
        if chunk is None:
            self.ended = True
        else:
            self.pace.moved(len(chunk))
        return chunk

    def _more_is_here(self) -> bool:
        stream = self.response.extensions.get("network_stream")
        return stream is not None and bool(stream.get_extra_info("is_readable"))

    def _late(self, seconds: float | None) -> UpstreamError:
        text = "the file takes too long" if seconds is None else f"the answer takes longer than {seconds:.0f} s"
        return UpstreamError(text, where=redact(self.url), hint="try again later")


async def ask(
    client: httpx.AsyncClient, request: httpx.Request, url: str, *, seconds: float, multiplex: bool
) -> httpx.Response:
    """Send a request and return its answer, whose headers are all here.

    :raises Interruption: if they are not within so many seconds (httpx only limits the wait for the next byte).
    """

    def late() -> UpstreamError:
        text = f"no complete answer within {seconds:.0f} s"
        return wire.interruption(text, redact(url), "try again later", silent=True, fault=True)

    with wire.within(seconds, late), wire.translated(url, shared=multiplex):
        return await client.send(request, stream=True)
