"""HTML pages of the simple repository API (PEP 503, 592, 658/714) and find-links pages."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin

from wheelyard.upstream.links import belongs, sha256_or_none, target_of
from wheelyard.upstream.model import RemoteFile


def parse(content: bytes, *, url: str, project: str, index: str = "") -> tuple[RemoteFile, ...]:
    """Return the files of ``project`` that a page links to; links to anything else are passed over.

    :param url: where the page came from in the end.
    :param project: normalised name.
    """
    return tuple(file for file in _Page(content, url, index).files if belongs(file.filename, project))


class _Page(HTMLParser):
    """Collects the anchors of a page, against its ``<base href>``."""

    def __init__(self, content: bytes, url: str, index: str) -> None:
        super().__init__(convert_charrefs=True)
        self._page = self._base = url
        self._index = index
        self._based = False
        self.files: list[RemoteFile] = []
        self.feed(content.decode("utf-8", errors="replace"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._anchor(dict(attrs))
        elif tag == "base" and not self._based and (href := dict(attrs).get("href")):
            self._based = True
            try:
                self._base = urljoin(self._page, href)
            except ValueError:
                return

    def _anchor(self, attributes: dict[str, str | None]) -> None:
        href = attributes.get("href")
        if not href:
            return
        try:
            found = target_of(urljoin(self._base, href.strip()), self._page)
        except ValueError:
            return
        if found is None:
            return
        filename, url, fragment = found
        digest = fragment[7:] if fragment.startswith("sha256=") else parse_qs(fragment).get("sha256", [""])[0]
        yanked = attributes.get("data-yanked")
        self.files.append(
            RemoteFile(
                filename=filename,
                url=url,
                sha256=sha256_or_none(digest.partition("&")[0]),
                requires_python=attributes.get("data-requires-python") or None,
                yanked=(yanked or "") if "data-yanked" in attributes else None,
                metadata_sha256=_metadata(attributes),
                index=self._index,
            )
        )


def _metadata(attributes: dict[str, str | None]) -> str | None:
    """Read ``data-core-metadata`` (PEP 714), else its older name: a hash, or ``true``."""
    for name in ("data-core-metadata", "data-dist-info-metadata"):
        if name in attributes:
            value = attributes[name] or ""
            if value.lower() == "false":
                return None
            return sha256_or_none(value.removeprefix("sha256=")) or ""
    return None
