"""A local package index over a folder of crafted files, that can also be made to misbehave.

::

    with IndexServer(folder, json=True) as server:
        server.url                                   # …/simple/, for --index-url
        server.fault("demo-1.0", status(503), times=2)
        server.requests                              # what was asked for, in order
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import re
import socket
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

SUFFIXES = (".whl", ".tar.gz", ".zip")

Fault = Callable[["Handler"], None]


def status(code: int, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Fault:
    """Answer with a status."""
    return lambda handler: handler.answer(code, body, {"content-type": "text/html", **(headers or {})})


def busy(retry_after: int) -> Fault:
    """Answer 429 with Retry-After."""
    return status(429, headers={"retry-after": str(retry_after)})


def redirect(to: str, code: int = 302) -> Fault:
    """Send elsewhere."""
    return status(code, headers={"location": to})


def content(body: bytes, content_type: str = "application/octet-stream") -> Fault:
    """Answer with other bytes than the file's: a changed file, a wrong hash."""
    return lambda handler: handler.answer(200, body, {"content-type": content_type})


def cut(after: int) -> Fault:
    """Close the connection after so many bytes of the body; ranges are honoured before that."""
    return lambda handler: handler.serve(cut=after)


def slow(seconds: float, *, step: float = 0.05) -> Fault:
    """Send the proper answer, a byte at a time, for so many seconds."""
    return lambda handler: handler.drip(seconds, step)


def slow_headers(seconds: float, *, step: float = 0.05) -> Fault:
    """Send a header a byte at a time, for so many seconds."""
    return lambda handler: handler.drip_headers(seconds, step)


def hang(seconds: float) -> Fault:
    """Say nothing at all for a while, then close."""
    return lambda handler: handler.pause(seconds)


def endless(content_type: str = "text/html", block: bytes = b"<a href='x'>x</a>" * 1000) -> Fault:
    """Send for ever (until the client goes away)."""
    return lambda handler: handler.pour(content_type, block)


def bomb(size: int, content_type: str = "text/html") -> Fault:
    """Send a gzip stream that grows to ``size`` bytes."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    return lambda handler: handler.answer(200, packed, {"content-type": content_type, "content-encoding": "gzip"})


@dataclass(frozen=True)
class Request:
    """One request as it came; ``headers`` have names in lower case."""

    path: str
    headers: Mapping[str, str]


@dataclass
class IndexServer:
    """Serves ``/simple/<project>/`` and ``/files/<name>`` on a free port of the loopback interface."""

    folder: Path
    json: bool = False
    """Speak PEP 691 where the client accepts it (else PEP 503 HTML)."""
    metadata: bool = True
    """Offer PEP 658 files."""
    ranges: bool = True
    hashes: bool = True
    etags: bool = True
    auth: tuple[str, str] | None = None
    yanked: Mapping[str, str] = field(default_factory=dict)
    """File name to reason."""
    uploaded: Mapping[str, str] = field(default_factory=dict)
    """File name to its time (PEP 700): pages of JSON alone tell it."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """File name to the URL of its attestations (PEP 740)."""
    requires_python: Mapping[str, str] = field(default_factory=dict)
    """File name to specifier, for files whose own metadata are not to be looked at."""
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._faults: list[tuple[str, Fault, list[int]]] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def __enter__(self) -> IndexServer:
        index = self

        class Bound(Handler):
            server_index = index

        self._server = _Server(("127.0.0.1", 0), Bound)
        self._server.index = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads, which notice that their sockets are shut

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.base}/simple/"

    def fault(self, pattern: str, what: Fault, *, times: int = 1 << 30) -> None:
        """Misbehave for paths that a regular expression is found in, so many times; the newest fault goes first."""
        with self._lock:
            self._faults.insert(0, (pattern, what, [times]))

    def paths(self, containing: str = "") -> list[str]:
        """Return the paths that were asked for."""
        with self._lock:
            return [request.path for request in self.requests if containing in request.path]

    def files_of(self, project: str) -> list[Path]:
        return [path for path in sorted(self.folder.iterdir()) if project_of(path.name) == project]

    def projects(self) -> list[str]:
        return sorted({name for path in self.folder.iterdir() if (name := project_of(path.name))})

    def take_fault(self, path: str) -> Fault | None:
        with self._lock:
            for pattern, what, left in self._faults:
                if left[0] > 0 and re.search(pattern, path):
                    left[0] -= 1
                    return what
        return None

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def opened(self, each: socket.socket) -> None:
        with self._lock:
            self._sockets.add(each)

    def closed(self, each: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(each)


def project_of(filename: str) -> str | None:
    for suffix in SUFFIXES:
        if filename.endswith(suffix):
            stem = filename.removesuffix(suffix)
            return canonicalize_name(stem.partition("-")[0] if suffix == ".whl" else stem.rpartition("-")[0])
    return None


def metadata_of(wheel: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))
    except (zipfile.BadZipFile, StopIteration):
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    index: IndexServer

    def process_request(self, request: Any, client_address: Any) -> None:
        self.index.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.index.closed(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are part of the game."""


class Handler(BaseHTTPRequestHandler):
    server_index: IndexServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        index = self.server_index
        index.note(Request(self.path, {name.lower(): value for name, value in self.headers.items()}))
        if index.auth is not None:
            expected = "Basic " + base64.b64encode(":".join(index.auth).encode()).decode()
            if self.headers.get("authorization") != expected:
                self.answer(401, b"", {"www-authenticate": 'Basic realm="index"'})
                return
        fault = index.take_fault(self.path)
        if fault is not None:
            fault(self)
        else:
            self.serve()

    def serve(self, *, cut: int | None = None) -> None:
        """Answer properly, or only up to ``cut`` bytes of the body."""
        found = self._find()
        if found is None:
            self.answer(404, b"not here", {"content-type": "text/plain"})
            return
        body, headers = found
        if self.server_index.etags:
            headers["etag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("if-none-match") == headers["etag"]:
                self.answer(304, b"", {"etag": headers["etag"]})
                return
        code = 200
        if self.server_index.ranges and (match := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))):
            start = int(match[1]) if match[1] else max(0, len(body) - int(match[2]))
            stop = min(len(body), int(match[2]) + 1) if match[1] and match[2] else len(body)
            if start >= len(body):
                self.answer(416, b"", {"content-range": f"bytes */{len(body)}"})
                return
            headers["content-range"] = f"bytes {start}-{stop - 1}/{len(body)}"
            code, body = 206, body[start:stop]
        self.answer(code, body, headers, cut=cut)

    def answer(self, code: int, body: bytes, headers: Mapping[str, str], *, cut: int | None = None) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if code != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if cut is not None:
            self.close_connection = True

    def drip(self, seconds: float, step: float) -> None:
        body, headers = self._find() or (b"", {})
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self._drip(body, seconds, step)

    def drip_headers(self, seconds: float, step: float) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 60000, seconds, step)

    def _drip(self, body: bytes, seconds: float, step: float) -> None:
        self.close_connection = True
        end = time.monotonic() + seconds
        for byte in body:
            if time.monotonic() > end or self.server_index.closing.wait(step):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def pause(self, seconds: float) -> None:
        self.server_index.closing.wait(seconds)
        self.close_connection = True

    def pour(self, content_type: str, block: bytes) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("connection", "close")
        self.end_headers()
        while not self.server_index.closing.is_set():
            self.wfile.write(block)

    def _find(self) -> tuple[bytes, dict[str, str]] | None:
        """Return body and headers of what the path names."""
        index = self.server_index
        path = unquote(self.path.partition("?")[0])
        if match := re.fullmatch(r"/simple/([^/]+)/", path):
            if not index.files_of(match[1]):
                return None
            if index.json and "application/vnd.pypi.simple.v1+json" in self.headers.get("accept", ""):
                return self._json_page(match[1]), {"content-type": "application/vnd.pypi.simple.v1+json"}
            return self._html_page(match[1]), {"content-type": "text/html"}
        if path == "/simple/":
            links = "".join(f'<a href="{name}/">{name}</a>\n' for name in index.projects())
            return f"<!DOCTYPE html><html><body>\n{links}</body></html>".encode(), {"content-type": "text/html"}
        if match := re.fullmatch(r"/files/([^/]+)", path):
            name = match[1]
            if name.endswith(".metadata") and index.metadata:
                wheel = index.folder / name.removesuffix(".metadata")
                content = metadata_of(wheel) if wheel.is_file() else None
                return None if content is None else (content, {"content-type": "application/octet-stream"})
            if (index.folder / name).is_file():
                return (index.folder / name).read_bytes(), {"content-type": "application/octet-stream"}
        return None

    def _html_page(self, project: str) -> bytes:
        index = self.server_index
        lines = ["<!DOCTYPE html>", "<html><head><title>Links</title></head><body>"]
        for path in index.files_of(project):
            name = path.name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            attributes = ""
            if path.suffix == ".whl" and index.metadata and (content := metadata_of(path)) is not None:
                attributes += f' data-core-metadata="sha256={hashlib.sha256(content).hexdigest()}"'
            if (requires := self._requires_python(path)) is not None:
                attributes += f' data-requires-python="{html.escape(requires)}"'
            if name in index.yanked:
                attributes += f' data-yanked="{html.escape(index.yanked[name])}"'
            if name in index.provenance:
                attributes += f' data-provenance="{html.escape(index.provenance[name])}"'
            fragment = f"#sha256={digest}" if index.hashes else ""
            lines.append(f'<a href="/files/{quote(name)}{fragment}"{attributes}>{html.escape(name)}</a><br>')
        return "\n".join([*lines, "</body></html>"]).encode()

    def _json_page(self, project: str) -> bytes:
        index = self.server_index
        files = []
        for path in index.files_of(project):
            data = path.read_bytes()
            entry: dict[str, Any] = {
                "filename": path.name,
                "url": f"/files/{quote(path.name)}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()} if index.hashes else {},
                "size": len(data),
                "yanked": index.yanked.get(path.name, False),
            }
            if path.suffix == ".whl" and index.metadata and (content := metadata_of(path)) is not None:
                entry["core-metadata"] = {"sha256": hashlib.sha256(content).hexdigest()}
            if (requires := self._requires_python(path)) is not None:
                entry["requires-python"] = requires
            if path.name in index.uploaded:
                entry["upload-time"] = index.uploaded[path.name]
            if path.name in index.provenance:
                entry["provenance"] = index.provenance[path.name]
            files.append(entry)
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": files}
        return json.dumps(page).encode()

    def _requires_python(self, path: Path) -> str | None:
        given = self.server_index.requires_python.get(path.name)
        if given is not None or path.suffix != ".whl":
            return given
        match = re.search(rb"^Requires-Python: (.*)$", metadata_of(path) or b"", re.MULTILINE)
        return match[1].decode() if match else None
