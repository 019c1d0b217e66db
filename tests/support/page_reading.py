"""Reading a published site as its clients do, and finding what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag


class Anchors(HTMLParser):
    """The links of a page with their attributes, and the scripts that it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.scripts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))
        if tag == "a":
            self.links.append(dict(attrs))


def anchors(page: Path) -> Anchors:
    """Parse a page."""
    parser = Anchors()
    parser.feed(page.read_text())
    return parser


def faults(root: Path) -> list[str]:
    """Return everything that a page promises and the site does not keep: a missing file, a wrong hash or metadata."""
    pages = [*root.glob("simple/*/index.html"), *root.glob("targets/*/index.html")]
    pages += root.glob("targets/*/simple/*/index.html")
    found = [fault for page in pages for link in anchors(page).links for fault in _link_faults(page, link)]
    for listing in [*root.glob("simple/index.html"), *root.glob("targets/*/simple/index.html")]:
        for link in anchors(listing).links:
            there = [listing.parent / (link["href"] or "") / name for name in ("index.html", "index.json")]
            found += [f"{place} is missing" for place in there if not place.is_file()]
    for page in [*root.glob("simple/*/index.json"), *root.glob("targets/*/simple/*/index.json")]:
        for file in json.loads(page.read_text())["files"]:
            found += _fault(page, file["url"], file["hashes"]["sha256"])
            if "core-metadata" in file:
                found += _fault(page, file["url"] + ".metadata", file["core-metadata"]["sha256"])
    return found


def _link_faults(page: Path, link: dict[str, str | None]) -> list[str]:
    url, fragment = urldefrag(link["href"] or "")
    if not url or (page.parent.parent.name == "targets" and not fragment.startswith("sha256=")):
        return []  # a page for people too: these lead out of the folder, which works alone
    found = _fault(page, url, fragment.removeprefix("sha256=") or None)
    if promised := link.get("data-core-metadata"):
        found += _fault(page, url + ".metadata", promised.removeprefix("sha256="))
    return found


def _fault(page: Path, url: str, sha256: str | None) -> list[str]:
    place = page.parent / unquote(url)
    if not place.is_file():
        return [f"{page}: {url} is missing"]
    if sha256 and hashlib.sha256(place.read_bytes()).hexdigest() != sha256:
        return [f"{page}: {url} has other bytes"]
    return []
