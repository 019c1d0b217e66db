"""The loopback index: the only thing that a resolver sees.

For every version that the target may have it lists one synthetic wheel ``name-version-py3-none-any.whl`` (PEP 691 and
PEP 503 pages, PEP 658 metadata), whose METADATA has every marker evaluated for the target. So files, tags, yanks,
indexes, credentials, markers and sdists are decided by us, for any target, and a resolver does nothing but versions.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import json
import secrets
import socket
import threading
import zipfile
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote

from packaging.utils import NormalizedName

from wheelyard.domain.errors import BuildError, Failures, NoCandidateError, ResolutionError, WheelyardError, together
from wheelyard.resolve import metadata as core
from wheelyard.resolve.once import Once
from wheelyard.resolve.overrides import Overrides
from wheelyard.wheels.core_metadata import CoreMetadata, parse

_JSON = "application/vnd.pypi.simple.v1+json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One version that the target may have."""

    version: str
    """Normalised (PEP 440)."""
    metadata: Callable[[], bytes]
    """Returns the METADATA; called once, when a resolver wants to know. May take long and may raise."""
    refusal: Callable[[CoreMetadata], str | None] | None = None
    """Returns why it is not to be had after all, now that its metadata is known; None where it is."""
    yanked: str | None = None
    """None: not yanked; else the reason. A resolver takes it for an exact pin only (PEP 592)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The versions of one project, and why the others are not among them."""

    versions: Sequence[Candidate]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Version to the reason, in words, why the target cannot have it."""


class CandidateSource(Protocol):
    """Where candidates come from; called from several threads."""

    def __call__(self, name: str) -> Candidates | None:
        """Return the candidates of a project (normalised name); None where no index has it."""
        ...


class View:
    """A context manager that serves a source on the loopback while it is open.

    The address has a random path, so that other users of the machine cannot read through it.
    """

    def __init__(
        self,
        source: CandidateSource,
        environment: Mapping[str, str],
        *,
        direct: Container[str] = (),
        overrides: Overrides | None = None,
    ) -> None:
        """Prepare a view.

        :param environment: the marker environment of the target (PEP 508).
        :param direct: normalised names that are required by URL or path (see ``requirements_on_target``).
        :param overrides: what stands in for dependencies of packages.
        """
        self._environment = environment
        self._direct = direct
        self._overrides = overrides or Overrides()
        self._token = secrets.token_urlsafe(16)
        self._pages = Once(source)
        self._metadata = Once(self._make_metadata)
        self._failures: list[BaseException] = []
        self._refusals: dict[tuple[str, str], str] = {}
        self._untold: dict[tuple[str, str], WheelyardError] = {}
        """Versions whose sdists did not say what they need: they stand as if that were nothing, and the others are
        asked too."""
        self._server: _Server | None = None

    def __enter__(self) -> View:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None  # noqa: S101  (entered)
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the index, as ``--index-url`` wants it."""
        assert self._server is not None, "the view is not open"  # noqa: S101
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._token}/simple/"

    def asked(self) -> dict[str, Candidates | None]:
        """Return what the resolver was told so far, by normalised name."""
        return self._pages.known()

    def look(self, names: Iterable[NormalizedName]) -> set[NormalizedName]:
        """Look for projects, by normalised name, as a resolver would; return those that no index has."""
        missing = set()
        for name in names:
            with contextlib.suppress(WheelyardError):
                if self._pages(name) is None:
                    missing.add(name)
        return missing

    def read(self) -> dict[tuple[str, str], CoreMetadata]:
        """Return the metadata that the resolver has read so far, by normalised name and version."""
        return {key: metadata for key, (metadata, _) in self._metadata.known().items()}

    def refusals(self, name: str) -> dict[str, str]:
        """Return the versions of a project that the target cannot have, with the reasons."""
        candidates = self._pages.known().get(name)
        late = {version: reason for (each, version), reason in self._refusals.items() if each == name}
        return {**(candidates.refused if candidates else {}), **late}

    def metadata(self, name: str, version: str) -> CoreMetadata:
        """Return the real metadata of a version that is served."""
        return self._metadata((name, version))[0]

    def reraise(self) -> None:
        """Raise the first error that happened while a resolver was being answered, if there was one."""
        for failure in self._failures:
            raise failure
        if self._untold:
            raise together(self._untold.values())

    def check(self, chosen: Iterable[tuple[str, str]]) -> None:
        """Raise why versions, by normalised name, did not say what they need, for all of which that is so."""
        errors = [self._untold[key] for key in chosen if key in self._untold]
        if errors:
            raise together(errors)

    def answer(self, path: str, *, wants_json: bool) -> tuple[int, str, bytes]:
        """Return status, content type and body for a request's path."""
        try:
            return self._route([unquote(part) for part in path.split("/")], wants_json=wants_json)
        except BaseException as failure:
            self._failures.append(failure)
            # Not 5xx, which resolvers try again; not 401, 403 or 404, which uv takes for "no such project".
            return 400, "text/plain", b"see the error that is shown to the user"

    def _route(self, parts: list[str], *, wants_json: bool) -> tuple[int, str, bytes]:
        match parts:
            case ["", token, "simple", name, ""] if secrets.compare_digest(token.encode(), self._token.encode()):
                candidates = self._pages(name)
                if candidates is not None:
                    return _page_json(name, candidates) if wants_json else _page_html(name, candidates)
            case ["", token, "simple", name, version, filename] if secrets.compare_digest(
                token.encode(), self._token.encode()
            ):
                _, rendered = self._metadata((name, version))
                if filename.endswith(".metadata"):
                    return 200, "text/plain", rendered
                return 200, "application/zip", _wheel(name, version, rendered)
        return 404, "text/plain", b"not here"

    def _make_metadata(self, key: tuple[str, str]) -> tuple[CoreMetadata, bytes]:
        name, version = key
        candidates = self._pages(name)
        found = (
            next((candidate for candidate in candidates.versions if candidate.version == version), None)
            if candidates
            else None
        )
        if found is None:
            raise KeyError(f"{name} {version} is not listed")
        try:
            content = found.metadata()
        except (BuildError, NoCandidateError, ResolutionError, Failures) as error:
            self._untold[key] = error
            content = core.render(name, version, requires=[], extras=(), possible=True)
        metadata = parse(content)
        requires: list[str] = []
        refusal = found.refusal(metadata) if found.refusal else None
        if not core.python_fits(metadata.requires_python, self._environment["python_full_version"]):
            refusal = core.python_refusal(metadata.requires_python, self._environment["python_full_version"])
        try:
            requires += core.requirements_on_target(
                metadata, self._environment, direct=self._direct, overrides=self._overrides
            )
        except ResolutionError as error:
            refusal = error.message
        if refusal:
            self._refusals[key] = refusal
        return metadata, core.render(name, version, requires=requires, extras=metadata.extras, possible=refusal is None)


def _filename(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def _page_json(name: str, candidates: Candidates) -> tuple[int, str, bytes]:
    files: list[dict[str, object]] = [
        {
            "filename": _filename(name, version.version),
            "url": f"{version.version}/{_filename(name, version.version)}",
            "hashes": {},
            "core-metadata": True,
            "yanked": False if version.yanked is None else (version.yanked or True),
        }
        for version in candidates.versions
    ]
    page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
    return 200, _JSON, json.dumps(page).encode()


def _page_html(name: str, candidates: Candidates) -> tuple[int, str, bytes]:
    links = []
    for version in candidates.versions:
        filename = _filename(name, version.version)
        yanked = "" if version.yanked is None else f' data-yanked="{html.escape(version.yanked)}"'
        address = html.escape(f"{version.version}/{filename}".replace("+", "%2B"))
        links.append(f'<a href="{address}" data-core-metadata="true"{yanked}>{html.escape(filename)}</a><br>\n')
    return 200, "text/html; charset=utf-8", f"<!DOCTYPE html><body>\n{''.join(links)}</body>".encode()


def _wheel(name: str, version: str, metadata: bytes) -> bytes:
    """Return a wheel with nothing in it but its metadata, for resolvers that do not know PEP 658."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    members = {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: wheelyard\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_urlsafe(content)},{len(content)}\n" for path, content in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), content)
    return buffer.getvalue()


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


class _Server(ThreadingHTTPServer):
    """Bound to a free port of the loopback; remembers its connections, so that none outlives it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, view: View) -> None:
        self.view = view
        self._open: set[socket.socket] = set()
        self._guard = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._guard:
            self._open.discard(request)
            self._guard.notify_all()

    def hang_up(self) -> None:
        """End connections that a client keeps alive; wait a little for their threads, not for a long answer."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._guard.wait_for(lambda: not self._open, timeout=2.0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a resolver that hangs up is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    """Turns requests into answers of the view; logs nothing."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = -1

    def do_GET(self) -> None:
        """Answer with a page, a METADATA or a wheel."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        wants_json = _JSON in self.headers.get("Accept", "")
        status, kind, body = self.server.view.answer(self.path, wants_json=wants_json)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name in the base class)
        """Log nothing."""
