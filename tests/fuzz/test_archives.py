"""Tars, bundles, splices, wheels and sdists, wrong in one field or several: refused by name, or read the same way."""

from __future__ import annotations

import functools
import gzip
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.bundles import pack
from tests.support.fuzzing import Judge, Judges, effort
from tests.support.mutations import (
    as_json,
    changed,
    changed_list,
    damaged,
    documents,
    dumped,
    fields_overwritten,
    lines,
    texts,
)
from tests.support.raw_archives import recorded, tar, tar_gz, zip_fields, zipped
from tests.support.signed_wheelhouses import house, key
from wheelyard.host.manifest import canonical

MEMBERS = [
    {"name": "house-1/bundle.json", "content": '{"format":1,"volume":1,"volumes":1}\n'},
    {"name": "house-1/a.txt", "content": "hello", "mtime": 315532800},
    {
        "name": "short",
        "content": "x" * 600,
        "prefix": "house-1",
        "pax": {"path": "house-1/" + "n" * 120, "size": "600"},
    },
    {"name": "house-1/b.txt", "type": "1", "link": "house-1/a.txt"},
    {"name": "house-1/c.txt", "type": "1", "link": "x", "pax": {"linkpath": "house-1/" + "n" * 120}},
]


@functools.cache
def bundle() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        house(Path(folder) / "house", key=key(), created="2026-01-31T00:00:00Z")
        (made,) = pack(Path(folder) / "house", Path(folder) / "bundle.tar", keys=[key()]).volumes
        return made.read_bytes()


def splice(plan: bytes, new: bytes) -> bytes:
    return len(plan).to_bytes(8, "big") + plan + new


PLAN = {"old": "a" * 64, "ops": [[0, 10], [3], [20, 5], [2]]}


def test_what_is_valid_is_read(hosts: Judges, here: Judge) -> None:
    assert hosts("tar", tar(MEMBERS)).startswith("ok: ")
    for kind in ("volume", "bundle"):
        assert hosts(kind, bundle()).startswith("ok: ")
    assert hosts("splice", splice(canonical(PLAN), b"hello")).startswith("ok: ")
    assert hosts("layout", zipped(WHEEL)).startswith("ok: ")
    assert here("wheel", zipped(WHEEL)).startswith("ok: ")
    assert here("sdist", tar_gz(SDIST)).startswith("ok: ")


PAX = st.dictionaries(
    st.sampled_from(["path", "linkpath", "size", "mtime", "uid", "SCHILY.xattr.a", "hdrcharset", "GNU.sparse.major"])
    | texts,
    texts | st.sampled_from([" 5", "5", "5.0", "house-1/a.txt", "demo-1.0/a"]),
    max_size=2,
)
EXTENDED = PAX.map(lambda records: {"name": "demo-1.0/a", "content": "12345", "pax": records})


@effort(40)
@given(member=EXTENDED)
@example(member={"name": "a", "content": "12345", "pax": {"size": "²"}})
@example(member={"name": "a", "content": "12345", "pax": {"size": "٥"}})
def test_extended_headers(hosts: Judges, here: Judge, member: dict[str, Any]) -> None:
    hosts("tar", tar([member]))
    here("sdist", tar_gz([*SDIST, member]))


@effort(70)
@given(content=changed(MEMBERS, 2).map(tar) | st.builds(tar, changed(MEMBERS, 1)).flatmap(damaged))
def test_tars(hosts: Judges, content: bytes) -> None:
    hosts("tar", content)


@st.composite
def bundles(draw: st.DrawFn) -> bytes:
    """A bundle cut, flipped, repeated or moved at its blocks."""
    blocks = [bundle()[at : at + 512] for at in range(0, len(bundle()), 512)]
    first, last = sorted((draw(st.integers(0, min(12, len(blocks)))), draw(st.integers(0, len(blocks)))))
    ways = [blocks[:first], blocks[:first] + blocks[last:], blocks[:last] + blocks[first:], blocks]
    return draw(damaged(b"".join(draw(st.sampled_from(ways))), 2))


@st.composite
def described(draw: st.DrawFn) -> bytes:
    """A bundle whose description, which is not signed, says something else."""
    made = draw(as_json({"format": 1, "volume": 1, "volumes": 1, "base": "a" * 64}, canonical))
    members: list[dict[str, Any]] = [{"name": "house-1/bundle.json", "content": made}]
    members.append({"name": "house-1/manifest.json", "content": "{}"})
    return tar([*members, *draw(changed_list(MEMBERS[1:], 1))])


@effort(40)
@given(content=bundles() | described())
def test_bundles(hosts: Judges, content: bytes) -> None:
    hosts("volume", content)
    hosts("bundle", content)


@st.composite
def splices(draw: st.DrawFn) -> bytes:
    plan = draw(as_json(PLAN, canonical))
    return draw(damaged(splice(plan, draw(st.sampled_from([b"hello", b"", b"hello!"]))), 1))


@effort(40)
@given(content=splices())
def test_splices(hosts: Judges, content: bytes) -> None:
    hosts("splice", content)


INFO = "demo-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: six>=1; extra == 'a'\nProvides-Extra: a\n"
PARTS = [
    ("demo/__init__.py", "x = 1\n"),
    ("demo-1.0.data/scripts/demo", "#!python\n"),
    (f"{INFO}/METADATA", METADATA),
    (f"{INFO}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    (f"{INFO}/entry_points.txt", "[console_scripts]\ndemo = demo:main [a]\n"),
]
WHEEL = recorded(PARTS, INFO)


@st.composite
def wheels(draw: st.DrawFn) -> bytes:
    """Members changed with RECORD after them or before, then the numbers of the zip, then its bytes."""
    if draw(st.booleans()):
        parts = draw(changed_list([list(part) for part in PARTS], 2))
        good = [(plain(each[0]), plain(each[1])) for each in parts if isinstance(each, list) and len(each) == 2]
        members: Any = recorded(good, INFO)
    else:
        members = draw(changed(WHEEL, 2))
    content = zipped(members)
    if draw(st.integers(0, 3)) == 0:
        content = draw(fields_overwritten(content, zip_fields(content)))
    return draw(damaged(content, 1)) if draw(st.integers(0, 3)) == 0 else content


def plain(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


@effort(70)
@given(content=wheels())
def test_wheels(here: Judge, hosts: Judges, content: bytes) -> None:
    here("wheel", content)
    for judge in hosts.each():
        judge("layout", content)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    row = "lib/../demo.py,sha256=x,1"
    rows = ["demo.py,,", row, "../../secret,,", '"demo.py",,', "../lib/demo.py,,", "demo-1.0.dist-info/RECORD,,"]
    return draw(lines(rows))


@effort(40)
@given(content=records())
@example(content=b'"' + b"x" * 200_000)
@example(content=b"\xff\xfe,,\n")
@example(content=b"a\0b,,\n")
def test_records_of_what_is_installed(hosts: Judges, content: bytes) -> None:
    hosts("installed", content)


SDIST = [
    {"name": "demo-1.0", "type": "5", "mode": 0o755},
    {"name": "demo-1.0/PKG-INFO", "content": METADATA},
    {"name": "demo-1.0/pyproject.toml", "content": '[project]\nname = "demo"\nversion = "1.0"\n'},
    {"name": "x", "content": "x" * 600, "mode": 0o755, "pax": {"mtime": "1.5", "path": "demo-1.0/sub/b.py"}},
    {"name": "demo-1.0/link", "type": "2", "link": "sub/b.py"},
    {"name": "demo-1.0/hard", "type": "1", "link": "demo-1.0/sub/b.py"},
    {"name": "demo-1.0/old", "type": "0", "magic": b"ustar  \0", "content": "gnu"},
]  # fmt: skip


@st.composite
def sdists(draw: st.DrawFn) -> bytes:
    members = draw(changed(SDIST, 2))
    if draw(st.booleans()):
        return draw(damaged(tar_gz(members), 1))
    return gzip.compress(draw(damaged(tar(members), 1)), 1, mtime=0)


@effort(70)
@given(content=sdists())
def test_sdists(here: Judge, content: bytes) -> None:
    here("sdist", content)


SOURCES = {
    "build-system": {"requires": ["hatchling>=1", "six; python_version > '3.8'"], "build-backend": "hatchling.build"},
    "project": {
        "name": "demo",
        "version": "1.0",
        "requires-python": ">=3.8",
        "dependencies": ["six>=1"],
        "optional-dependencies": {"a": ["other; python_version > '3.8'"]},
        "dynamic": ["readme"],
    },
}


@st.composite
def source_trees(draw: st.DrawFn) -> tuple[str, bytes]:
    version = draw(st.sampled_from(["2.1", "2.4", "2." + "9" * 5000]) | texts)
    return version, draw(documents(SOURCES))


@effort(70)
@given(given=source_trees())
@example(given=("2.1", b"a = " + b"[" * 20_000))
@example(given=("2.1", b"a" + b".a" * 500_000 + b" = 1"))
@example(given=("2.1", dumped({"project": {"dependencies": [], "optional-dependencies": ["a"]}})))
@example(given=("2.1", dumped({"project": {"dependencies": ["a; " + "(" * 5_000]}})))
@example(given=("9" * 5_000 + ".0", b""))
def test_source_trees(here: Judge, given: tuple[str, bytes]) -> None:
    version, content = given
    info = f"Metadata-Version: {version}\nName: demo\nVersion: 1.0\n"
    members = [{"name": "demo-1.0/PKG-INFO", "content": info}, {"name": "demo-1.0/pyproject.toml", "content": content}]
    here("source_tree", tar_gz(members))


@st.composite
def entry_points(draw: st.DrawFn) -> bytes:
    return draw(lines(["[console_scripts]", "demo = demo:main [a]", "[x.y]", f"{draw(texts)} = {draw(texts)}"]))


@effort(40)
@given(content=entry_points())
def test_entry_points(here: Judge, content: bytes) -> None:
    here("entry_points", content)
