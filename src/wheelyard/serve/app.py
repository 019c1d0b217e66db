"""The wheelhouse as an ASGI application, for teams without a web server: Starlette's static files, and negotiation."""

from __future__ import annotations

import contextlib
import gzip
import mimetypes
import os
import stat
import zlib
from functools import lru_cache, partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from wheelyard.serve.negotiate import JSON, prefers_json, takes_gzip

_PAGES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_WORTH_IT = 1000
"""Bytes below which compression gains nothing over the packet that is sent anyway."""
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class Wheelhouse(StaticFiles):
    """A folder that ``publish`` wrote: ranges, ETags, HTML or JSON, gzip where it is worth it; hidden names are not."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, the page of a folder, or an error, for a path below the root."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(status_code=405, headers={"Allow": "GET, HEAD"})
        if any(part.startswith(".") for part in Path(path).parts):
            raise HTTPException(status_code=404)
        headers = Headers(scope=scope)
        full, status = self._find(path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            if not scope["path"].endswith("/"):
                # relative, so that it is right behind any proxy
                return RedirectResponse(f"{scope['path'].rpartition('/')[2]}/", status_code=308)
            full, status = self._page(path, headers)
        if status is None or not stat.S_ISREG(status.st_mode):
            full, status = self._pooled(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            raise HTTPException(status_code=404)
        return self._answer(full, status, scope, headers)

    def _find(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            return self.lookup_path(path)
        except OSError as error:  # a name that is too long, or no folder where one should be
            raise HTTPException(status_code=404) from error

    def _page(self, path: str, headers: Headers) -> tuple[str, os.stat_result | None]:
        if prefers_json(headers.get("accept", "")):
            full, status = self._find(os.path.join(path, "index.json"))  # noqa: PTH118
            if status is not None:
                return full, status
        return self._find(os.path.join(path, "index.html"))  # noqa: PTH118

    def _pooled(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file that a target's folder held a moment ago, when its page was read: the pool keeps it a while."""
        parts = Path(path).parts
        if len(parts) == 3 and parts[0] == "targets" and parts[2].endswith((".whl", ".metadata")):
            return self._find(os.path.join("files", parts[2]))  # noqa: PTH118
        return "", None

    def _answer(self, full: str, status: os.stat_result, scope: Scope, headers: Headers) -> Response:
        kind = content_type(full)
        is_page = Path(full).suffix in _PAGES
        compressed = is_page and takes_gzip(headers.get("accept-encoding", ""))
        response: Response
        if compressed and status.st_size >= _WORTH_IT:
            response = self._compressed(full, status, headers)
        else:
            response = self.file_response(full, status, scope)
        if not isinstance(response, NotModifiedResponse):
            response.headers["content-type"] = kind
        response.headers["cache-control"] = _ASK_AGAIN if is_page or full.endswith(".txt") else _FOREVER
        response.headers["x-content-type-options"] = "nosniff"
        if is_page:
            response.headers["vary"] = "accept, accept-encoding"
        return response

    def _compressed(self, full: str, status: os.stat_result, headers: Headers) -> Response:
        tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-gz"'
        common = {"etag": tag, "content-encoding": "gzip"}
        if tag in headers.get("if-none-match", "").replace("W/", ""):
            return NotModifiedResponse(Headers({"etag": tag}))
        return Response(_gzip(full, status.st_mtime_ns, status.st_size), headers=common)


def content_type(path: str) -> str:
    """Return the media type of a file of the site; the JSON of an index has its own (PEP 691)."""
    parts = Path(path).parts
    if parts[-1] == "index.json" and "simple" in parts[-3:-1]:
        return JSON
    if known := _PAGES.get(Path(path).suffix):
        return known
    if path.endswith((".whl", ".metadata")):
        return "application/octet-stream" if path.endswith(".whl") else "text/plain; charset=utf-8"
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


@lru_cache(maxsize=256)
def _gzip(path: str, mtime: int, size: int) -> bytes:
    """Return a page compressed: the copy made beforehand where there is one, else made now and remembered."""
    del mtime, size  # part of the key: another version is another page
    made = Path(path + ".gz")
    content = Path(path).read_bytes()
    with contextlib.suppress(OSError, EOFError, zlib.error):
        ready = made.read_bytes()
        if gzip.decompress(ready) == content:  # while somebody publishes, it may be of another version
            return ready
    return gzip.compress(content, 6, mtime=0)


def _error(root: Path, request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    if code == 404 and "text/html" in request.headers.get("accept", ""):
        with contextlib.suppress(OSError):  # a wheelhouse of an earlier Wheelyard has no such page
            return HTMLResponse((root / "404.html").read_bytes(), code, headers={"cache-control": _ASK_AGAIN})
    names = {404: "there is no such file here", 405: "only GET and HEAD"}
    headers = getattr(error, "headers", None)
    return PlainTextResponse(f"{code}: {names.get(code, 'not possible')}\n", status_code=code, headers=headers)


def application(root: Path) -> Starlette:
    """Return the application that serves a wheelhouse."""
    site = Wheelhouse(directory=root, check_dir=True, follow_symlink=False)
    return Starlette(routes=[Mount("/", app=site)], exception_handlers={HTTPException: partial(_error, root)})
