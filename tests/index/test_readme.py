"""READMEs of strangers as HTML: what is kept, what is dropped, and what trips no parser."""

from __future__ import annotations

import re

import pytest

from wheelyard.index.people import readme

HEAD = "Metadata-Version: 2.1\nName: a\nVersion: 1\n"


def rendered(text: str, kind: str = "") -> str:
    header = f"Description-Content-Type: {kind}\n" if kind else ""
    return str(readme.render(f"{HEAD}{header}\n{text}".encode()))


@pytest.mark.parametrize(
    ("text", "kind", "html"),
    [
        ("**bold**", "text/markdown", "<p><strong>bold</strong></p>"),
        ("**bold**", "text/markdown; charset=UTF-8; variant=CommonMark", "<p><strong>bold</strong></p>"),
        ("**bold**", "text/x-rst", "<p><strong>bold</strong></p>"),
        ("**bold**", "", "<p><strong>bold</strong></p>"),
        ("**bold** <b>", "text/plain", "**bold** &lt;b&gt;"),
        ("**bold** <b>", "nonsense/", "**bold** &lt;b&gt;"),
        ("wrong ``rst", "text/x-rst", "wrong ``rst"),
        ("UNKNOWN", "", ""),
        ("", "text/markdown", ""),
    ],
)
def test_each_kind_of_text_is_shown(text: str, kind: str, html: str) -> None:
    assert rendered(text, kind).strip().replace("<br>", "") == html


def test_a_description_among_the_headers_is_shown() -> None:
    text = f"{HEAD}Description: One\n        \n        * two\n        * three\n"
    assert re.sub(r"\s|</?p>", "", str(readme.render(text.encode()))) == "One<ul><li>two</li><li>three</li></ul>"


@pytest.mark.parametrize(
    "text",
    [
        ".. include:: /etc/passwd\n",
        ".. raw:: html\n\n   <script>alert(1)</script>\n",
        ".. csv-table::\n   :file: /etc/passwd\n",
        ".. image:: javascript:alert(1)\n   :target: javascript:alert(1)\n",
        ".. role:: raw-html(raw)\n   :format: html\n\n:raw-html:`<script>alert(1)</script>`\n",
        "`press <javascript:alert(1)>`_\n",
        ".. class:: brand\n\n.. _search:\n\nText\n",
    ],
)
def test_no_directive_reads_a_file_or_brings_html(text: str) -> None:
    found = rendered(f"Text\n\n{text}", "text/x-rst")
    assert "root:" not in found
    assert not re.search(r"<(script|img|iframe)|href=|\bid=|class=", found)


@pytest.mark.parametrize("kind", ["text/markdown", "text/x-rst"])
@pytest.mark.parametrize(
    "text",
    [">" * 3000, "[" * 3000, "*a " * 3000, "`" * 3000, "<" * 3000, "<a href='x'>" * 300, "- " * 900, "\0"],
    ids=["quotes", "links", "stars", "ticks", "less", "anchors", "lists", "nul"],
)  # fmt: skip
def test_what_is_written_to_trip_a_parser_is_only_text(text: str, kind: str) -> None:
    assert "<script" not in rendered(text + "<script>alert(1)</script>", kind)


def test_what_is_too_long_is_not_shown() -> None:
    assert rendered("a " * readme.LONGEST, "text/markdown") == "<p>It is too long to be shown here.</p>"
