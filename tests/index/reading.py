"""Reading a published site as its clients do, and finding what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag


class Anchors(HTMLParser):
    """The links of a page with their attributes, and every tag that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attrs))


def anchors(page: Path) -> Anchors:
    """Parse a page."""
    parser = Anchors()
    parser.feed(page.read_text())
    return parser


def faults(root: Path) -> list[str]:
    """Return everything that a page promises and the site does not keep: a missing file, a wrong hash or metadata."""
    found = []
    pages = [*root.glob("simple/*/index.html"), *root.glob("targets/*/index.html")]
    pages += root.glob("targets/*/simple/*/index.html")
    for page in pages:
        for link in anchors(page).links:
            url, fragment = urldefrag(link["href"] or "")
            place = page.parent / unquote(url)
            if not place.is_file():
                found.append(f"{page.relative_to(root)}: {url} is missing")
            elif not fragment:
                continue
            elif fragment != "sha256=" + hashlib.sha256(place.read_bytes()).hexdigest():
                found.append(f"{page.relative_to(root)}: {url} has other bytes")
            elif promised := link.get("data-core-metadata"):
                beside = Path(f"{place}.metadata")
                if promised != "sha256=" + hashlib.sha256(beside.read_bytes()).hexdigest():
                    found.append(f"{page.relative_to(root)}: metadata of {url} has other bytes")
    for root_page in [*root.glob("simple/index.html"), *root.glob("targets/*/simple/index.html")]:
        for link in anchors(root_page).links:
            for name in ("index.html", "index.json"):
                if not (root_page.parent / (link["href"] or "") / name).is_file():
                    found.append(f"{root_page.relative_to(root)}: {link['href']}{name} is missing")
    for page in [*root.glob("simple/*/index.json"), *root.glob("targets/*/simple/*/index.json")]:
        for file in json.loads(page.read_text())["files"]:
            place = page.parent / unquote(file["url"])
            if not place.is_file() or hashlib.sha256(place.read_bytes()).hexdigest() != file["hashes"]["sha256"]:
                found.append(f"{page.relative_to(root)}: {file['url']} is missing or has other bytes")
    return found
