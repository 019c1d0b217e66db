from __future__ import annotations

import pytest

from wheelyard.index.people import graph, treemap, words
from wheelyard.index.people.facts import parse
from wheelyard.wheels import core_metadata
from wheelyard.wheels.licence import license_of


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("a-1-py3-none-any.whl", "Any Python 3, any system"),
        ("a-1-py2.py3-none-any.whl", "Any Python, any system"),
        ("a-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
         "CPython 3.9 or newer, Linux on x86-64 with glibc 2.17 or newer"),
        ("a-1-cp313-cp313t-musllinux_1_2_aarch64.whl",
         "CPython 3.13 free-threaded, Linux on ARM64 with musl 1.2 or newer"),
        ("a-1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
         "CPython 3.12, Linux on x86-64 with glibc 2.27 or newer"),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", "CPython 3.12, macOS 11.0 or newer on ARM64"),
        ("a-1-cp312-cp312-win_amd64.whl", "CPython 3.12, Windows on x86-64"),
        ("a-1.tar.gz", "Source: it has to be compiled or installed by pip's build step"),
    ],
)  # fmt: skip
def test_tags_in_words(filename: str, said: str) -> None:
    assert words.explain(filename) == said


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_499, "99.5 kB"), (1_234_567_890, "1.2 GB")]
)
def test_sizes_in_words(number: int, said: str) -> None:
    assert words.size(number) == said


def test_a_treemap_fills_its_area_in_proportion_without_overlaps() -> None:
    values = [50, 30, 12, 5, 2, 1, 0]
    boxes = treemap.squarify(values, 200, 100)
    assert sorted(box.item for box in boxes) == [0, 1, 2, 3, 4, 5]
    for box in boxes:
        assert box.width * box.height == pytest.approx(values[box.item] * 200)
        assert 0 <= box.x <= box.x + box.width <= 200 + 1e-9
        assert 0 <= box.y <= box.y + box.height <= 100 + 1e-9
        assert max(box.width / box.height, box.height / box.width) < 5
    for one in boxes:
        for two in boxes:
            if one.item < two.item:
                wide = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
                high = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
                assert wide < 1e-6 or high < 1e-6


def test_a_graph_goes_right_and_survives_circles() -> None:
    drawing = graph.draw({"app": ["lib", "ui"], "ui": ["lib"], "lib": [], "a": ["b"], "b": ["a", "lib"]})
    x = {node.name: node.x for node in drawing.nodes}
    assert x["app"] < x["ui"] < x["lib"]
    lines = [(edge.source, edge.target) for edge in drawing.edges]
    assert lines == [("a", "b"), ("app", "ui"), ("b", "lib"), ("ui", "lib")], "app's own line to lib says nothing new"
    assert len({(node.x, node.y) for node in drawing.nodes}) == 5


def test_metadata_from_strangers() -> None:
    text = (
        b"Metadata-Version: 2.1\nName: A\nSummary: One\n  two\nLicense: MIT\nClassifier: License :: OSI Approved :: "
        b"BSD License\nProject-URL: X, javascript:alert(1)\nHome-page: https://a.example/\n"
        b"Requires-Dist: Foo.Bar[x] (>=1) ; extra == 'y'\nRequires-Dist: !!\n\nName: not a header any more\n\xff"
    )
    found = parse(text)
    assert (found.name, found.summary, found.licence) == ("A", "One two", "MIT")
    assert found.links == (("Home page", "https://a.example/"),)
    assert found.requires == (("foo-bar", ("y",)),)
    assert parse(b"") == parse(b"\xff\xfe")
    assert parse(b"License: " + b"x" * 100).licence == "its own text"


def test_a_folded_field_with_an_empty_line_in_it_does_not_end_the_headers() -> None:
    """As in scipy: a whole licence text in ``License``, with lines of spaces in it, before all that is asked for."""
    text = (
        b"Metadata-Version: 2.1\nName: sci\nVersion: 1.0\n"
        b"License: Copyright (c) 2001-2002 Somebody, Inc.\n        \n        Redistribution and use in source and\n"
        b"\t\n        binary forms, with or without modification, are permitted\n"
        b"Project-URL: Homepage, https://sci.example/\nClassifier: License :: OSI Approved :: BSD License\n"
        b'Requires-Dist: numpy<3,>=1.26\nRequires-Dist: pytest>=8; extra == "test"\n'
        b'Requires-Dist: numpy>=2; extra == "dev"\nProvides-Extra: test\n\nRequires-Dist: of-the-description\n'
    )
    found = parse(text)
    assert found.requires == (("numpy", ()), ("pytest", ("test",)))
    assert found.licence == "BSD License"
    assert found.links == (("Homepage", "https://sci.example/"),)


def test_the_page_and_the_papers_read_one_licence() -> None:
    """A word in ``License`` and another in a classifier: whichever counts, it is one."""
    text = b"Name: a\nVersion: 1\nLicense: MIT\nClassifier: License :: OSI Approved :: BSD License\n"
    assert parse(text).licence == license_of(core_metadata.parse(text)).expression == "MIT"
