"""What an index says: simple pages in HTML and JSON, and METADATA, wrong in one place or several."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.fuzzing import Judge, effort
from tests.support.mutations import as_json, changed, damaged, lines, texts

SHA = "ab" * 32
ANCHORS = [
    {
        "href": f"../../f/demo-1.0-py3-none-any.whl#sha256={SHA}",
        "data-requires-python": ">=3.8,<4",
        "data-core-metadata": f"sha256={SHA}",
        "data-yanked": "bad",
        "data-provenance": "https://index.example/demo.provenance",
    },
    {"href": "demo-1.0.tar.gz", "data-dist-info-metadata": "true"},
    {"href": "https://files.example/demo-2.0.zip"},
]
FILE = {
    "filename": "demo-1.0-py3-none-any.whl",
    "url": "/f/demo-1.0-py3-none-any.whl",
    "hashes": {"sha256": SHA, "md5": "x"},
    "requires-python": ">=3.8",
    "core-metadata": {"sha256": SHA},
    "yanked": "because",
    "size": 4321,
    "upload-time": "2024-01-01T00:00:00.123456Z",
    "provenance": "https://index.example/demo.provenance",
}
PAGE = {
    "meta": {"api-version": "1.4"},
    "name": "demo",
    "versions": ["1.0"],
    "project-status": {"status": "active"},
    "files": [
        FILE,
        {"filename": "demo-1.0.tar.gz", "url": "x.tar.gz", "hashes": {}, "yanked": False, "dist-info-metadata": True},
    ],
}


def written(anchors: Any) -> bytes:
    rows = ['<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>']
    for anchor in anchors if isinstance(anchors, list) else [anchors]:
        pairs = anchor.items() if isinstance(anchor, dict) else [("href", anchor)]
        rows.append("<a" + "".join(f' {name}="{escape(str(value))}"' for name, value in pairs) + ">x</a>")
    return "\n".join([*rows, "</body></html>"]).encode("utf-8", "surrogatepass")


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    return draw(damaged(written(draw(changed(ANCHORS, 2))), 1))


MOMENTS = (
    st.sampled_from(["2024-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "20240101", "Z"])
    | st.datetimes().map(str)
    | texts
)


@st.composite
def told(draw: st.DrawFn) -> bytes:
    """A JSON page whose fields of one file say something odd."""
    given = {
        **FILE,
        "upload-time": draw(MOMENTS),
        draw(st.sampled_from(["provenance", "url"])): draw(texts),
    }
    return json.dumps({**PAGE, "files": [given]}).encode()


def test_what_is_valid_is_read(here: Judge) -> None:
    assert here("html", written(ANCHORS)).startswith("ok: ")
    assert here("json_page", json.dumps(PAGE).encode()).startswith("ok: ")
    assert here("metadata", "\n".join(METADATA).encode()).startswith("ok: ")


@effort(80)
@given(content=pages())
@example(content=b'<a href="' + b"[" * 100_000 + b'">')
@example(content=b"<a " * 100_000)
@example(content=b"<!--" * 100_000)
@example(content=b"&" * 200_000)
def test_simple_pages_in_html(here: Judge, content: bytes) -> None:
    here("html", content)


@effort(80)
@given(content=as_json(PAGE, lambda value: json.dumps(value).encode()) | told())
@example(content=b"[" * 200_000)
@example(content=json.dumps({**PAGE, "files": [FILE]}).encode().replace(b"4321", b"1" * 400_000))
def test_simple_pages_in_json(here: Judge, content: bytes) -> None:
    here("json_page", content)


METADATA = [
    "Metadata-Version: 2.4",
    "Name: demo",
    "Version: 1.0",
    "Summary: a demo",
    "License-Expression: MIT OR Apache-2.0",
    "License: MIT",
    "        more of it",
    "Classifier: License :: OSI Approved :: MIT License",
    "Dynamic: Requires-Dist",
    "Requires-Python: >=3.8,!=3.9.*",
    "Requires-Dist: six>=1.0,<2; python_version >= '3.8' and extra == 'a'",
    "Requires-Dist: demo-other[x,y] @ https://files.example/other-1.0.tar.gz",
    "Provides-Extra: a",
    "Project-URL: Home, https://example.org/",
    "",
    "The description.",
]


@effort(80)
@given(content=lines(METADATA))
@example(content=b"Classifier: a\n" * 200_000)
@example(content=b"Name: " + b"(" * 100_000)
@example(content=b"Name: demo\nVersion: 1.0\nRequires-Dist: a; " + b"(" * 5_000)
@example(content=b"License-Expression: " + b"(" * 5_000 + b"MIT")
@example(content=b"License-Expression: " + b"MIT OR " * 20_000 + b"MIT")
def test_metadata(here: Judge, content: bytes) -> None:
    here("metadata", content)
