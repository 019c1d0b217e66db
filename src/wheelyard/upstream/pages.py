"""Pages of projects: fetched, parsed, and kept on disk with the validators that tell whether they still hold."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.index import IndexSource
from wheelyard.domain.remote import RemoteFile
from wheelyard.io import files
from wheelyard.io.http_model import Reply
from wheelyard.io.urls import local_path, redact
from wheelyard.store.blobs import Store
from wheelyard.upstream import html
from wheelyard.upstream import json as simple_json
from wheelyard.upstream.links import possible_projects

if TYPE_CHECKING:
    from wheelyard.io.http import Http

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_JSON = ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json")
_HTML = ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html", "text/html", "")
_COLUMNS = 9
_FORMAT = "2"
"""Part of every key: a parser that reads more starts with a new cache."""


class Pages:
    """What each index or find-links place lists for a project."""

    def __init__(self, store: Store) -> None:
        self._area = store.area("pages")
        self._lock = threading.Lock()
        self._link_pages: dict[str, Reply] = {}
        self._folders: dict[Path, dict[str, list[Path]]] = {}

    def files(self, source: IndexSource, project: str, http: Http) -> tuple[RemoteFile, ...]:
        """Return the files of a project (normalised name) at one place; none where it is not known there.

        :raises UpstreamError: if the place does not answer, or not with a page of links.
        """
        url = _as_url(source.url)
        if source.kind == "simple":
            return self._page(f"{url.rstrip('/')}/{project}/", source.name, project, http)
        if (folder := local_path(url)) is not None and folder.is_dir():
            return tuple(self._local(path, source.name) for path in self._listed(folder).get(project, ()))
        return _parse(self._links(url, http), project, source.name)

    def _links(self, url: str, http: Http) -> Reply:
        """Return a page of links, asked for once for all projects."""
        with self._lock:
            reply = self._link_pages.get(url)
            if reply is None:
                reply = self._link_pages[url] = http.get(url, headers={"accept": "text/html"})
        return reply

    def _listed(self, folder: Path) -> Mapping[str, Sequence[Path]]:
        """Return the files of a local folder by project, listed once for all projects."""
        with self._lock:
            if folder not in self._folders:
                listed = self._folders[folder] = {}
                for path in sorted(folder.iterdir()):
                    for project in possible_projects(path.name):
                        listed.setdefault(project, []).append(path)
            return self._folders[folder]

    def _page(self, url: str, index: str, project: str, http: Http) -> tuple[RemoteFile, ...]:
        place = self._place(url, project)
        kept = _load(place)
        headers = {"accept": ACCEPT}
        if kept is not None:
            headers |= {name: kept[key] for name, key in _VALIDATORS.items() if kept.get(key)}
        reply = http.get(url, headers=headers, accept=frozenset({200, 304, 403, 404, 410}))
        if reply.status in (404, 410) or _is_unlisted(reply):
            return ()
        if reply.status == 403:
            raise UpstreamError(
                "the server answers 403 Forbidden", where=redact(url), hint="check your credentials for this index"
            )
        if reply.status == 304 and kept is not None:
            return _revived(kept, index)
        if reply.status == 304:
            raise UpstreamError("the index answers 304 to a question that was not conditional", where=redact(url))
        digest = hashlib.sha256(f"{reply.url}\n{reply.content_type}\n".encode() + reply.content).hexdigest()
        if kept is not None and kept.get("digest") == digest:  # no validators, but the same page
            return _revived(kept, index)
        found = _parse(reply, project, index)
        validators = {key: reply.headers[key] for key in ("etag", "last-modified") if key in reply.headers}
        page = {**validators, "digest": digest, "files": [_row(file) for file in found]}
        # What a page links to may be signed for whoever asked: nobody else reads it here.
        files.write(place, json.dumps(page, separators=(",", ":")), mode=0o600, sync=False)
        return found

    def _place(self, url: str, project: str) -> Path:
        key = hashlib.sha256(f"{_FORMAT}\n{url}\n{project}".encode()).hexdigest()
        return self._area / key[:2] / f"{key}.json"

    def _local(self, path: Path, index: str) -> RemoteFile:
        """Describe a local file; its hash is remembered by its size and time."""
        try:
            size, digest = path.stat().st_size, self._digest(path)
        except OSError as error:
            raise UpstreamError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
        return RemoteFile(filename=path.name, url=path.as_uri(), sha256=digest, size=size, index=index)

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = hashlib.sha256(f"{path}\n{status.st_size}\n{status.st_mtime_ns}\n{status.st_ino}".encode()).hexdigest()
        place = self._area / key[:2] / f"{key}.sha256"
        try:
            return place.read_text()
        except OSError:
            digest = files.sha256(path)
            files.write(place, digest, sync=False)
            return digest


_VALIDATORS = {"if-none-match": "etag", "if-modified-since": "last-modified"}


def _is_unlisted(reply: Reply) -> bool:
    """Whether this is how an object store says that there is no such file to somebody who may not list the others."""
    return reply.status == 403 and b"<Code>AccessDenied</Code>" in reply.content[:4096]


def _as_url(place: str) -> str:
    """Return an index or find-links place, which may be a local path, as a URL."""
    return place if "://" in place or place.startswith("file:") else Path(place).expanduser().resolve().as_uri()


def _parse(reply: Reply, project: str, index: str) -> tuple[RemoteFile, ...]:
    kind = reply.content_type
    if kind in _JSON:
        return simple_json.parse(reply.content, url=reply.url, project=project, index=index)
    if kind in _HTML:
        return html.parse(reply.content, url=reply.url, project=project, index=index)
    raise UpstreamError(
        f"the answer is {kind[:60]!r}, not a page of links",
        where=redact(reply.url),
        hint="check the address of the index: it usually ends with /simple",
    )


def _load(place: Path) -> dict[str, Any] | None:
    """Return a kept page, None where there is none or it is damaged."""
    try:
        kept = json.loads(place.read_bytes())
        return kept if all(len(row) == _COLUMNS for row in kept["files"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _row(file: RemoteFile) -> list[str | int | None]:
    """Return all of a file but the name of its index, which may change."""
    return [
        file.filename,
        file.url,
        file.sha256,
        file.requires_python,
        file.yanked,
        file.size,
        file.metadata_sha256,
        file.upload_time,
        file.provenance,
    ]


def _revived(kept: dict[str, Any], index: str) -> tuple[RemoteFile, ...]:
    return tuple(_revive(row, index) for row in kept["files"])


def _revive(row: list[Any], index: str) -> RemoteFile:
    filename, url, sha256, requires_python, yanked, size, metadata_sha256, upload_time, provenance = row
    return RemoteFile(
        filename=filename,
        url=url,
        sha256=sha256,
        requires_python=requires_python,
        yanked=yanked,
        size=size,
        metadata_sha256=metadata_sha256,
        upload_time=upload_time,
        provenance=provenance,
        index=index,
    )
