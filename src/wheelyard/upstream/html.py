"""HTML pages of the simple repository API (PEP 503, 592, 658/714) and find-links pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin

from wheelyard.domain.remote import RemoteFile
from wheelyard.upstream.links import belongs, provenance_or_none, sha256_or_none, target_of, upload_time_or_none

Attributes = Mapping[str, str | None]

_ATTRIBUTE = re.compile(r"""\s+([a-z][a-z0-9-]*)="([^"<>]*)\"""")
_ANCHOR = re.compile(r"""<a((?:\s+[a-z][a-z0-9-]*="[^"<>]*")*)>""")
_KNOWN = re.compile(
    r"""<(?:!DOCTYPE\ html|/?(?:html|head|body|a|h[1-6]|p|br|pre)|br\ ?/|title>[^<>&]*</title
       |html\ lang="[a-z-]*"|meta\ [a-z]+="[^"<>]*"(?:\ [a-z]+="[^"<>]*")*\ ?/?)>""",
    re.VERBOSE | re.IGNORECASE,
)


def parse(content: bytes, *, url: str, project: str, index: str = "") -> tuple[RemoteFile, ...]:
    """Return the files of ``project`` that a page links to; links to anything else are passed over.

    :param url: where the page came from in the end.
    :param project: normalised name.
    """
    text = content.decode("utf-8", errors="replace")
    anchors = plain_anchors(text)
    base = url
    if anchors is None:
        page = _Page(text)
        anchors = page.anchors
        base = _join(url, page.base) or url
    found = (_file(anchor, base, url, project, index) for anchor in anchors)
    return tuple(file for file in found if file is not None)


def plain_anchors(text: str) -> list[Attributes] | None:
    """Return the attributes of all anchors of a page that is written as plainly as indexes write theirs, else None.

    It gives just what a real parser would (a page with any other use of ``<`` than well-known tags and plainly quoted
    anchors is left to that one), in less than half the time, which matters for pages of thousands of files.
    """
    anchors = [match[1] for match in _ANCHOR.finditer(text)]
    known = sum(match[0].count("<") for match in _KNOWN.finditer(text))
    if text.count("<") != known + len(anchors) - anchors.count(""):
        return None
    if any("&" in anchor for anchor in anchors):
        return [{name: unescape(value) for name, value in reversed(_ATTRIBUTE.findall(anchor))} for anchor in anchors]
    return [dict(reversed(_ATTRIBUTE.findall(anchor))) for anchor in anchors]


class _Page(HTMLParser):
    """Collects the anchors of a page, and its ``<base href>``."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = ""
        self.anchors: list[Attributes] = []
        self._based = False
        # What begins and never ends, a tag or a comment, runs to the end of the page. It is not looked for links, as
        # `close` would do, in time that grows with the square of what is left.
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(reversed(attrs)))  # of two attributes of one name the first one counts
        elif tag == "base" and not self._based and (href := dict(reversed(attrs)).get("href")):
            self._based = True
            self.base = href


def _join(base: str, href: str) -> str | None:
    if href.startswith(("https://", "http://")):
        return href
    try:
        return urljoin(base, href)
    except ValueError:
        return None


def _file(anchor: Attributes, base: str, page: str, project: str, index: str) -> RemoteFile | None:
    href = (anchor.get("href") or "").strip()
    found = target_of(_join(base, href) or "", page) if href else None
    if found is None or not belongs(found[0], project):
        return None
    filename, url, fragment = found
    digest = fragment[7:] if fragment.startswith("sha256=") else parse_qs(fragment).get("sha256", [""])[0]
    return RemoteFile(
        filename=filename,
        url=url,
        sha256=sha256_or_none(digest.partition("&")[0]),
        requires_python=anchor.get("data-requires-python") or None,
        yanked=(anchor["data-yanked"] or "") if "data-yanked" in anchor else None,
        metadata_sha256=_metadata(anchor),
        upload_time=upload_time_or_none(anchor.get("data-upload-time")),
        provenance=provenance_or_none(anchor.get("data-provenance"), page),
        index=index,
    )


def _metadata(anchor: Attributes) -> str | None:
    """Read ``data-core-metadata`` (PEP 714), else its older name: a hash, or ``true``."""
    for name in ("data-core-metadata", "data-dist-info-metadata"):
        if name in anchor:
            value = anchor[name] or ""
            if value.lower() == "false":
                return None
            return sha256_or_none(value.removeprefix("sha256=")) or ""
    return None
