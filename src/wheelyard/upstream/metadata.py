"""The METADATA of a wheel, read with as few bytes moved as the server allows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from wheelyard.domain.errors import HashMismatchError, UpstreamError
from wheelyard.domain.remote import RemoteFile
from wheelyard.io.urls import local_path
from wheelyard.store.blobs import Store
from wheelyard.upstream.remote_zip import METADATA_LIMIT, SparseFile, metadata_of

if TYPE_CHECKING:
    from wheelyard.io.http import Http

SMALL = 200 << 10
"""A wheel up to this size is fetched whole: that takes no longer than two range requests."""
WHOLE_LIMIT = 4 << 30
_TAIL = 32 << 10
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})\Z")


def read_metadata(file: RemoteFile, *, store: Store, http: Http) -> bytes:
    """Return the METADATA of a wheel: from the store, PEP 658, ranges of the remote zip or, at last, the whole wheel.

    :raises UpstreamError: if a server does not answer properly.
    :raises HashMismatchError: if what came is not what the index promised.
    :raises WheelError: if the wheel is damaged or has no METADATA.
    """
    if file.sha256 and store.has(file.sha256):
        with store.path(file.sha256).open("rb") as stream:
            return metadata_of(stream, where=file.filename)
    if file.metadata_sha256 is not None and (content := _offered(file, http)) is not None:
        return content
    if (path := local_path(file.url)) is not None:
        try:
            with path.open("rb") as stream:
                return metadata_of(stream, where=file.filename)
        except OSError as error:
            raise UpstreamError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if file.size is None or file.size > SMALL:
        content = _by_ranges(file, http)
        if content is not None:
            return content
    return _whole(file, store, http)


def _offered(file: RemoteFile, http: Http) -> bytes | None:
    """Return the index's own copy (PEP 658), None where it has none after all."""
    parts = urlsplit(file.url)
    url = urlunsplit(parts._replace(path=parts.path + ".metadata"))
    reply = http.get(url, limit=METADATA_LIMIT, accept=frozenset({200, 404}))
    if reply.status != 200:
        return None
    found = hashlib.sha256(reply.content).hexdigest()
    if file.metadata_sha256 and found != file.metadata_sha256:
        raise HashMismatchError(
            f"index {file.index}: the metadata should have sha256 {file.metadata_sha256}, it has {found}",
            where=file.filename,
            hint="the index is broken or somebody changed the file; do not use it",
        )
    return reply.content


def _by_ranges(file: RemoteFile, http: Http) -> bytes | None:
    """Read the end of the zip and the one member; None where the server does not serve ranges."""
    head = {"accept-encoding": "identity"}
    got = _range(file, http, {**head, "range": f"bytes=-{_TAIL}"})
    if got is None:
        return None
    start, size, tail = got
    if size > WHOLE_LIMIT:
        raise UpstreamError(f"is larger than {WHOLE_LIMIT} bytes", where=file.filename)
    if start + len(tail) != size:
        return None

    def fetch(begin: int, end: int) -> bytes:
        piece = _range(file, http, {**head, "range": f"bytes={begin}-{end - 1}"})
        if piece is None or piece[:2] != (begin, size) or len(piece[2]) != end - begin:
            raise UpstreamError("the server sent another range than it was asked for", where=file.filename)
        return piece[2]

    return metadata_of(SparseFile(size, tail, fetch), where=file.filename)


def _range(file: RemoteFile, http: Http, headers: dict[str, str]) -> tuple[int, int, bytes] | None:
    """Return where a range starts, how large the whole is, and the bytes; None if it is not to be had."""

    def once() -> tuple[int, int, bytes] | None:
        accept = frozenset({200, 206, 405, 416, 501})
        with http.stream(file.url, headers=headers, accept=accept) as answer:
            match = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
            if answer.status != 206 or match is None:
                return None
            begin, end, size = (int(number) for number in match.groups())
            content = bytearray()
            for chunk in answer.chunks:
                content += chunk
                if len(content) > end - begin + 1:
                    return None
            return begin, size, bytes(content)

    return http.again(once)


def _whole(file: RemoteFile, store: Store, http: Http) -> bytes:
    """Fetch the wheel into the store, for it will be wanted there anyway, and read it there."""
    limit = WHOLE_LIMIT if file.size is None else file.size + 1
    until = http.until(file.size)

    def once() -> str:
        with store.scratch() as folder:
            path = folder / "wheel"
            with http.stream(file.url, until=until) as answer, path.open("wb") as sink:
                _pour(answer.chunks, sink, limit, file.filename)
            return store.add_file(path, sha256=file.sha256)

    digest = http.again(once)
    with store.path(digest).open("rb") as stream:
        return metadata_of(stream, where=file.filename)


def _pour(chunks: Iterable[bytes], sink: BinaryIO, limit: int, where: str) -> None:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise UpstreamError("the server sends more than the file has", where=where)
        sink.write(chunk)
