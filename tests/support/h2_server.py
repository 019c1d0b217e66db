"""A local HTTP/2 server of small pages, whose connections break in every way that HTTP/2 knows.

::

    with H2Server(certificate, key, goaway_every=100) as server:
        server.url                                   # https://localhost:PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings


def page(path: str) -> bytes:
    """Return what the server has at a path: longer for some than for others."""
    return path.encode() * (1 + hash_of(path) % 90)


def hash_of(path: str) -> int:
    return sum(map(ord, path))


@dataclass
class H2Server:
    """Serves ``page(path)`` for every path. Each ``…_every`` counts the requests of all connections; 0: never."""

    certificate: Path
    key: Path
    streams: int = 100
    """MAX_CONCURRENT_STREAMS."""
    goaway_every: int = 0
    """Say GOAWAY, finish nothing that came after the request, and hang up."""
    reset_every: int = 0
    """End the stream with RST_STREAM, half of them after half of the body."""
    cut_every: int = 0
    """Hang up without a word."""
    mute: bool = False
    """Take requests and answer none."""

    def __post_init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.broken = 0
        self._started = threading.Event()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}"

    def __enter__(self) -> H2Server:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["h2"])
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=context)
        self._port = server.sockets[0].getsockname()[1]
        self._open: set[asyncio.Transport] = set()
        self._started.set()
        await self._stop.wait()
        server.close()
        for transport in list(self._open):
            transport.abort()
        await asyncio.sleep(0)

    def due(self, every: int) -> bool:
        """Whether this request is one that goes wrong."""
        if every and self.requests % every == 0:
            self.broken += 1
            return True
        return False


class _Connection(asyncio.Protocol):
    def __init__(self, server: H2Server) -> None:
        self.server = server
        self.state = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=False))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.server._open.add(transport)
        self.state.local_settings = h2.settings.Settings(
            client=False,
            initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.server.streams},
        )
        self.state.initiate_connection()
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self.server._open.discard(self.transport)

    def flush(self) -> None:
        self.transport.write(self.state.data_to_send())

    def data_received(self, data: bytes) -> None:
        with contextlib.suppress(h2.exceptions.ProtocolError):  # the client went away, or its connection is over
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived) and not self.answer(event):
                    return
        self.flush()

    def answer(self, event: h2.events.RequestReceived) -> bool:
        """Answer a request; return False where that ended the connection."""
        server, stream = self.server, event.stream_id
        assert stream is not None
        assert event.headers is not None
        path = next(value for name, value in event.headers if name == b":path").decode()
        server.requests += 1
        if server.mute:
            return True
        if server.due(server.cut_every):
            self.transport.abort()
            return False
        body = page(path)
        if server.due(server.reset_every):
            if server.requests % 2:
                self.state.send_headers(stream, [(":status", "200"), ("content-type", "text/html")])
                self.state.send_data(stream, body[: len(body) // 2])
            self.state.reset_stream(stream)
            return True
        self.state.send_headers(stream, [(":status", "200"), ("content-type", "text/html")])
        self.state.send_data(stream, body, end_stream=True)
        if server.due(server.goaway_every):
            self.state.close_connection(last_stream_id=stream)
            self.flush()
            self.transport.close()
            return False
        return True
