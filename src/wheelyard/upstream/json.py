"""JSON pages of the simple repository API (PEP 691, 700, 714)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.remote import RemoteFile
from wheelyard.io.urls import redact
from wheelyard.upstream.links import belongs, provenance_or_none, sha256_or_none, target_of, upload_time_or_none


def parse(content: bytes, *, url: str, project: str, index: str = "") -> tuple[RemoteFile, ...]:
    """Return the files of ``project`` that a page lists; entries that are not well-formed are passed over.

    :param url: where the page came from in the end.
    :param project: normalised name.
    :raises UpstreamError: if the page is not JSON, or of a major version of the API that is not 1.
    """
    try:
        page = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UpstreamError("the page is not JSON, though it says so", where=redact(url)) from error
    if not isinstance(page, dict):
        raise UpstreamError("the page is not a JSON object", where=redact(url))
    meta = page.get("meta")
    version = str(meta.get("api-version", "1.0")) if isinstance(meta, dict) else "1.0"
    if version.partition(".")[0] != "1":
        raise UpstreamError(f"the index speaks version {version[:20]!r} of the simple API, not 1", where=redact(url))
    listed = page.get("files")
    entries = (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()
    return tuple(file for entry in entries if (file := _file(entry, url, project, index)) is not None)


def _file(entry: dict[str, Any], page: str, project: str, index: str) -> RemoteFile | None:
    filename, href, hashes = entry.get("filename"), entry.get("url"), entry.get("hashes")
    if not isinstance(filename, str) or not isinstance(href, str) or not belongs(filename, project):
        return None
    try:
        found = target_of(urljoin(page, href), page)
    except ValueError:
        return None
    if found is None:
        return None
    requires, yanked, size = (entry.get(key) for key in ("requires-python", "yanked", "size"))
    return RemoteFile(
        filename=filename,
        url=found[1],
        sha256=sha256_or_none(hashes.get("sha256")) if isinstance(hashes, dict) else None,
        requires_python=requires if isinstance(requires, str) and requires else None,
        yanked=(yanked if isinstance(yanked, str) else "") if yanked or yanked == "" else None,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        metadata_sha256=_metadata(entry),
        upload_time=upload_time_or_none(entry.get("upload-time")),
        provenance=provenance_or_none(entry.get("provenance"), page),
        index=index,
    )


def _metadata(entry: dict[str, Any]) -> str | None:
    """Read ``core-metadata`` (PEP 714), else its older name: a table of hashes, or true."""
    for name in ("core-metadata", "dist-info-metadata"):
        if name in entry:
            value = entry[name]
            if isinstance(value, dict):
                return sha256_or_none(value.get("sha256")) or ""
            return "" if value is True else None
    return None
