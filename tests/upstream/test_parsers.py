"""Reading pages: what the standards allow, what hostile pages try, and that the fast way reads what a parser reads."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.remote import RemoteFile
from wheelyard.upstream import html
from wheelyard.upstream import json as simple_json
from wheelyard.upstream.links import belongs, is_safe_filename, possible_projects

URL = "https://index.example/simple/demo-pkg/"
SHA = "ab" * 32


def read(*lines: str, url: str = URL) -> tuple[RemoteFile, ...]:
    return html.parse("\n".join(lines).encode(), url=url, project="demo-pkg", index="main")


def test_html_attributes_of_the_standards() -> None:
    (file,) = read(
        f'<!DOCTYPE html><html><body><a href="../../f/demo_pkg-1.0-py3-none-any.whl#sha256={SHA}" '
        'data-requires-python="&gt;=3.8,&lt;4" data-yanked="bad &amp; ugly" '
        f'data-core-metadata="sha256={SHA}">x</a></body></html>'
    )
    assert file == RemoteFile(
        filename="demo_pkg-1.0-py3-none-any.whl",
        url="https://index.example/f/demo_pkg-1.0-py3-none-any.whl",
        sha256=SHA,
        requires_python=">=3.8,<4",
        yanked="bad & ugly",
        metadata_sha256=SHA,
        index="main",
    )


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", None),
        ('data-core-metadata="true"', ""),
        ('data-dist-info-metadata="true"', ""),
        (f'data-dist-info-metadata="sha256={SHA}"', SHA),
        (f'data-core-metadata="true" data-dist-info-metadata="sha256={SHA}"', ""),
        ('data-core-metadata="false"', None),
        ("data-core-metadata", ""),
    ],
)
def test_html_metadata_attribute(attribute: str, expected: str | None) -> None:
    (file,) = read(f'<a href="demo-pkg-1.0.tar.gz" {attribute}>x</a>')
    assert file.metadata_sha256 == expected
    assert file.sha256 is None


def test_yanked_without_a_reason() -> None:
    assert [file.yanked for file in read('<a href="demo-pkg-1.0.tar.gz" data-yanked>x</a>')] == [""]
    assert [file.yanked for file in read('<a href="demo-pkg-1.0.tar.gz" data-yanked="">x</a>')] == [""]


def test_base_href_is_honoured() -> None:
    (file,) = read('<html><head><base href="https://cdn.example/x/"></head><a href="demo-pkg-1.0.zip">x</a>')
    assert file.url == "https://cdn.example/x/demo-pkg-1.0.zip"


def test_what_is_in_a_comment_or_a_script_is_no_link() -> None:
    assert read('<!-- <a href="demo-pkg-1.0.tar.gz">x</a> -->') == ()
    assert read("<script>'<a href=\"demo-pkg-1.0.tar.gz\">x</a>'</script>") == ()


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)//demo-pkg-1.0.tar.gz",
        "data:text/html,demo-pkg-1.0.tar.gz",
        "file:///etc/demo-pkg-1.0.tar.gz",
        "ftp://x/demo-pkg-1.0.tar.gz",
        "https://x/..%2f..%2fdemo-pkg-1.0.tar.gz",
        "https://x/%2Fetc%2Fdemo-pkg-1.0.tar.gz",
        "https://x/demo-pkg-1.0%00.tar.gz",
        "https://x/demo-pkg-1.0%0a.tar.gz",
        "https://x/demo-pkg-1.0<b>.tar.gz",
        "https://x/other-1.0.tar.gz",
        "https://x/demo-1.0-py3-none-any.whl",
        "https://x/demo_pkg-1.0-py3-none-any.whl.exe",
        "https://x/demo_pkg-1.0.whl",
        "https://[bad/demo-pkg-1.0.tar.gz",
        "https://x:99999999/",
        "",
    ],
)
def test_links_that_are_passed_over(href: str) -> None:
    assert read(f'<a href="{href}">x</a>') == ()
    page = {"meta": {"api-version": "1.0"}, "files": [{"filename": "demo-pkg-1.0.tar.gz", "url": href, "hashes": {}}]}
    for file in simple_json.parse(json.dumps(page).encode(), url=URL, project="demo-pkg"):
        assert file.url.startswith("https://")


def test_a_local_page_may_link_to_local_files() -> None:
    (file,) = read('<a href="../../files/demo_pkg-1.0-py3-none-any.whl">x</a>', url="file:///srv/simple/demo-pkg/")
    assert file.url == "file:///srv/files/demo_pkg-1.0-py3-none-any.whl"


def test_user_name_and_password_in_a_link_are_dropped() -> None:
    (file,) = read('<a href="https://me:pw@files.example/demo-pkg-1.0.tar.gz">x</a>')
    assert file.url == "https://files.example/demo-pkg-1.0.tar.gz"


def test_json_page() -> None:
    page = {
        "meta": {"api-version": "1.4"},
        "name": "demo-pkg",
        "files": [
            {
                "filename": "demo_pkg-1.0-py3-none-any.whl",
                "url": "/f/demo_pkg-1.0-py3-none-any.whl",
                "hashes": {"sha256": SHA.upper(), "md5": "x"},
                "requires-python": ">=3.8",
                "core-metadata": {"sha256": SHA},
                "yanked": "because",
                "size": 10,
                "upload-time": "2024-01-01T00:00:00Z",
            },
            {"filename": "demo-pkg-1.0.tar.gz", "url": "x.tar.gz", "hashes": {}, "yanked": False, "size": -5},
            {"filename": "../demo-pkg-1.0.tar.gz", "url": "x", "hashes": {}},
            "nonsense",
            {"filename": 5},
        ],
    }
    first, second = simple_json.parse(json.dumps(page).encode(), url=URL, project="demo-pkg", index="main")
    assert first == RemoteFile(
        filename="demo_pkg-1.0-py3-none-any.whl",
        url="https://index.example/f/demo_pkg-1.0-py3-none-any.whl",
        sha256=SHA,
        requires_python=">=3.8",
        yanked="because",
        size=10,
        metadata_sha256=SHA,
        upload_time="2024-01-01T00:00:00Z",
        index="main",
    )
    assert (second.yanked, second.size, second.sha256) == (None, None, None)


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"meta": {"api-version": "2.0"}}', b"[" * 100_000])
def test_json_that_cannot_be_used(content: bytes) -> None:
    with pytest.raises(UpstreamError):
        simple_json.parse(content, url=URL, project="demo-pkg")


@pytest.mark.parametrize(
    ("filename", "project", "expected"),
    [
        ("Demo.Pkg-1.0.tar.gz", "demo-pkg", True),
        ("demo-pkg-extra-1.0.tar.gz", "demo-pkg-extra", True),
        ("demo_pkg-1!2.0+local.1-1-cp311-cp311-linux_x86_64.whl", "demo-pkg", True),
        ("demo_pkg-1.0-cp311-cp311-linux_x86_64-x-y.whl", "demo-pkg", False),
        ("demo-pkg.tar.gz", "demo-pkg", False),
        ("demo-pkg-1.0.tar.gz", "demo", False),
        ("demo-2-1.0.tar.gz", "demo-2", True),
        ("demo-v1.0.post1.zip", "demo", True),
        (".demo-1.tar.gz", "demo", False),
        ("a" * 300 + "-1.tar.gz", "a" * 300, False),
    ],
)
def test_names_that_belong(filename: str, project: str, expected: bool) -> None:
    assert belongs(filename, project) is expected
    assert (project in possible_projects(filename)) is expected


def _plain_page(anchors: list[dict[str, str]]) -> str:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta name="x" content="1"><title>Links</title></head><body>',
    ]
    for anchor in anchors:
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in anchor.items())
        lines.append(f"<a{attributes}>{escape(anchor.get('href', ''))}</a><br/>")
    return "\n".join([*lines, "</body></html>"])


values = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)
anchors = st.dictionaries(
    st.sampled_from(["href", "data-yanked", "data-requires-python", "data-core-metadata", "rel"]), values, max_size=4
)


@given(st.lists(anchors, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_page_that_an_index_writes_is_read_the_fast_way(page: list[dict[str, str]]) -> None:
    text = _plain_page(page)
    fast = html.plain_anchors(text)
    assert fast is not None
    assert [dict(each) for each in fast] == page
    assert [dict(anchor) for anchor in html._Page(text).anchors] == page


fragments = st.sampled_from(
    [
        "<a ", "<a", "href=", 'href="x"', "href='y'", ' href="z"', ">", "</a>", "<!--", "-->", "<script>", "</script>",
        "<br>", "<p>", "<title>", "</title>", "<A HREF=q>", "<a\n", "'", '"', "&amp;", "&", "<", "/>", "<style>", "x",
        '<a href="u">', '<a href="u" href="v">', "<!DOCTYPE html>", '<meta charset="utf-8">', "<![CDATA[", "]]>", "<?",
        "<textarea>", "<html>", "</title", "<br/>", "<plaintext>", "</", '<base href="b">', "=", "\t", '<meta a="<p>">',
    ]
)  # fmt: skip


@given(st.lists(fragments, max_size=14))
@settings(max_examples=500, deadline=None)
def test_the_fast_way_never_reads_what_the_parser_does_not(pieces: list[str]) -> None:
    text = "".join(pieces)
    fast = html.plain_anchors(text)
    if fast is not None:
        page = html._Page(text)
        assert [dict(each) for each in fast] == [dict(anchor) for anchor in page.anchors]
        assert page.base == ""


@given(st.one_of(st.binary(max_size=200), st.lists(fragments, max_size=20).map(lambda each: "".join(each).encode())))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_safe_files_or_none(content: bytes) -> None:
    for file in html.parse(content, url=URL, project="demo-pkg"):
        _assert_safe(file)


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=5,
)
entry_keys = [
    "url",
    "hashes",
    "requires-python",
    "core-metadata",
    "dist-info-metadata",
    "yanked",
    "size",
    "upload-time",
]
entries = st.fixed_dictionaries(
    {"filename": st.one_of(st.just("demo-pkg-1.0.tar.gz"), st.just("demo_pkg-1-py3-none-any.whl"), anything)},
    optional={key: st.one_of(anything, st.just("https://x/demo-pkg-1.0.tar.gz")) for key in entry_keys},
)


@given(st.one_of(anything, st.fixed_dictionaries({"meta": anything, "files": st.lists(entries, max_size=4)})))
@settings(max_examples=150, deadline=None)
def test_any_json_gives_safe_files_or_an_upstream_error(page: Any) -> None:
    try:
        files = simple_json.parse(json.dumps(page).encode(), url=URL, project="demo-pkg")
    except UpstreamError:
        return
    for file in files:
        _assert_safe(file)


def _assert_safe(file: RemoteFile) -> None:
    assert is_safe_filename(file.filename)
    assert file.url.startswith(("https://", "http://"))
    assert file.sha256 is None or len(file.sha256) == 64
    assert file.size is None or file.size >= 0
