"""A project's README as HTML that can neither run nor load anything, and fits into a page of ours.

PyPI's own renderer makes the HTML. It is then taken apart: pictures become their words, since they lie on other hosts;
headings go below those of the page; only links to the web are left; names that could be taken for parts of the page
are dropped. At last everything that is not on a short list is removed once more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from email.message import Message
from html import escape
from html.parser import HTMLParser
from importlib.metadata import version
from typing import TypeAlias

from markupsafe import Markup

from wheelyard.wheels import core_metadata

_Renderer: TypeAlias = Callable[..., str | None]
_EDITION = "1"
LONGEST = 150_000
"""Characters; a longer description is not shown."""

_PLAIN = frozenset(
    (
        *("abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em"),
        *("hr", "i", "kbd", "li", "ol", "p", "pre", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td"),
        *("th", "thead", "tr", "ul", "var"),
    )
)
_TURNED = {"acronym": "abbr", "tt": "code"} | dict.fromkeys(
    ("aside", "figcaption", "figure", "nav", "picture", "section"), "div"
)
_EMPTY = frozenset(("br", "hr"))
_KEPT = {"abbr": {"title"}, "ol": {"start"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_LINK = {"a": {"href", "class"}}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ABOVE = 2
"""The level of the page's own heading of the README."""


@functools.cache
def edition() -> str:
    """Return what is raised when a README would be rendered in another way."""
    tools = ("readme-renderer", "docutils", "comrak", "nh3")
    return "-".join([_EDITION, *(version(name) for name in tools)])


def render(metadata: bytes) -> Markup:
    """Return the long description of a METADATA as HTML that is safe to show; empty where there is none."""
    text, kind = core_metadata.description(metadata)
    if not text.strip():
        return Markup("")
    if len(text) > LONGEST:
        return Markup("<p>It is too long to be shown here.</p>")
    return _safe(_html(text, kind))


def _html(text: str, kind: str) -> str:
    from readme_renderer import markdown, rst, txt  # a third of a second that a run without a new README spares

    return _marked_up(text, kind, markdown.render, rst.render) or txt.render(text) or ""


def _marked_up(text: str, kind: str, markdown: _Renderer, rst: _Renderer) -> str | None:
    header = Message()
    header["content-type"] = kind or "text/x-rst"  # as it was before there was such a field
    try:
        if header.get_content_type() == "text/markdown":
            variant = header.get_param("variant")
            return markdown(text, variant="CommonMark" if variant == "CommonMark" else "GFM")
        return rst(text) if header.get_content_type() == "text/x-rst" else None
    except (RecursionError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None  # written to trip a parser, or by accident: it is shown as the text that it is


def _safe(html: str) -> Markup:
    # late: a README is rendered once
    import nh3

    fitting = _Fitting()
    fitting.feed(html)
    fitting.close()
    tags = {*_PLAIN, *_HEADINGS, "a"}
    clean = nh3.clean(
        fitting.text(),
        tags=tags,
        attributes={**_KEPT, **_LINK},
        url_schemes={"http", "https", "mailto"},
        link_rel="noreferrer noopener nofollow",
    )
    return Markup(clean)  # noqa: S704  (cleaned in the line above)


class _Fitting(HTMLParser):
    """Writes the HTML again, with what fits."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[list[str]] = [[]]
        self._links: list[str] = []
        self._level = _ABOVE
        self._open: list[str] = []

    def text(self) -> str:
        """Return what was written."""
        return "".join(part for parts in self._parts for part in parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write a tag, or what stands for it."""
        given = {name: value or "" for name, value in attrs}
        tag = _TURNED.get(tag, tag)
        if tag == "a":
            self._links.append(given.get("href", ""))
            self._parts.append([])
        elif tag == "img":
            self._write(escape(given.get("alt", "")))
        elif tag == "input":
            self._write("☑ " if "checked" in given else "☐ ")
        elif tag in _HEADINGS:
            # No level is left out, as whoever hears the page would miss it.
            self._level = min(int(tag[1]) + _ABOVE, self._level + 1, 6)
            self._open.append(f"h{self._level}")
            self._write(f"<h{self._level}>")
        elif tag in _PLAIN:
            kept = "".join(f' {name}="{escape(given[name])}"' for name in sorted(_KEPT.get(tag, ())) if name in given)
            self._write(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        """Write the end of a tag."""
        tag = _TURNED.get(tag, tag)
        if tag == "a" and self._links:
            url, inside = self._links.pop(), "".join(self._parts.pop())
            if inside.strip() and url.startswith(("https://", "http://", "mailto:")):
                inside = f'<a class="away" href="{escape(url)}">{inside}</a>'
            self._write(inside)
        elif tag in _HEADINGS and self._open:
            self._write(f"</{self._open.pop()}>")
        elif tag in _PLAIN and tag not in _EMPTY:
            self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text."""
        self._write(escape(data))

    def _write(self, text: str) -> None:
        self._parts[-1].append(text)
