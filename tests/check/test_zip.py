"""Zips that two readers would see in two ways, made as an attacker makes them: byte by byte."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.archives import zip as zips
from wheelyard.domain.errors import WheelError
from wheelyard.wheels.read import read, read_facts

NAME = "demo-1.0-py3-none-any.whl"
INFO = "demo-1.0.dist-info"


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    return make_wheel(
        tmp_path, "demo", "1.0", files={"demo/__init__.py": "x = 1\n", "demo/data.txt": "data"}
    ).read_bytes()


def local(name: bytes, content: bytes = b"evil", **changed: int) -> bytes:
    said = {
        "flags": 0,
        "method": 0,
        "crc": zlib.crc32(content),
        "packed": len(content),
        "size": len(content),
        **changed,
    }
    fields = (20, said["flags"], said["method"], 0, 33, said["crc"], said["packed"], said["size"], len(name), 0)
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name + content


def central(name: bytes, content: bytes = b"evil", extra: bytes = b"", **changed: int) -> bytes:
    said = {"flags": 0, "method": 0, "crc": zlib.crc32(content), "packed": len(content), "size": len(content)}
    said |= {"start": 0, "disk": 0, "attributes": 0, **changed}
    fields = (20, 20, said["flags"], said["method"], 0, 33, said["crc"], said["packed"], said["size"], len(name))
    more = (len(extra), 0, said["disk"], 0, said["attributes"], said["start"])
    return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields, *more) + name + extra


def end(count: int, size: int, begin: int, *, here: int | None = None, comment: bytes = b"") -> bytes:
    counts = (count if here is None else here, count)
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *counts, size, begin, len(comment)) + comment


def patched(content: bytes, position: int, new: bytes) -> bytes:
    return content[:position] + new + content[position + len(new) :]


def taken_apart(content: bytes) -> tuple[bytes, bytes, int]:
    """Return the members, the central directory and how many entries it has."""
    count, size, begin = struct.unpack_from("<HLL", content, len(content) - 12)
    return content[:begin], content[begin : begin + size], count


def with_hidden_member(content: bytes) -> bytes:
    """A member that only who reads as a stream sees."""
    members, directory, count = taken_apart(content)
    hidden = members + local(b"demo/evil.py")
    return hidden + directory + end(count, len(directory), len(hidden))


def with_unlisted_rest(content: bytes) -> bytes:
    """A directory entry that the count leaves out."""
    members, directory, count = taken_apart(content)
    longer = members + local(b"demo/evil.py")
    directory += central(b"demo/evil.py", start=len(members))
    return longer + directory + end(count, len(directory), len(longer))


def with_count(content: bytes, more: int) -> bytes:
    members, directory, count = taken_apart(content)
    return members + directory + end(count + more, len(directory), len(members))


def with_gap(content: bytes) -> bytes:
    members, directory, count = taken_apart(content)
    return members + b"gap" + directory + end(count, len(directory), len(members) + 3)


def with_comment(content: bytes) -> bytes:
    """A whole second archive in the comment of the first."""
    return content[:-2] + struct.pack("<H", len(content)) + content


def with_zip64(content: bytes, count_there: int) -> bytes:
    members, directory, count = taken_apart(content)
    place = len(members) + len(directory)
    counts = (count + count_there, count + count_there)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *counts, len(directory), len(members))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    return members + directory + record + locator + end(count, len(directory), len(members))


def in_first_local(offset: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: patched(content, offset, new)


AMBIGUOUS: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "a prefix": (lambda c: b"#!/bin/sh\n" + c, "does not begin with a member"),
    "a prefix that is a member": (lambda c: local(b"demo/evil.py") + c, "not where its end says"),
    "trailing bytes": (lambda c: c + b"more", "something follows its end"),
    "two archives in one": (lambda c: c + c, "not where its end says"),
    "a second in the comment": (with_comment, "not where its end says|looks like a part"),
    "a hidden local member": (with_hidden_member, "hidden between its members and its central directory"),
    "a gap": (with_gap, "hidden between"),
    "an entry too few": (lambda c: with_count(c, -1), "its end says 4 members, its central directory has more"),
    "an entry too many": (lambda c: with_count(c, 1), "its end says 6 members, its central directory has 5"),
    "an entry that is not counted": (with_unlisted_rest, "its central directory has more"),
    "zip64 says another count": (lambda c: with_zip64(c, 1), "two records at its end disagree"),
    "another name": (in_first_local(30, b"dem0"), "says other than the central directory"),
    "another method": (in_first_local(8, b"\x08\0"), "says other than the central directory"),
    "another check sum": (in_first_local(14, b"abcd"), "another size or check sum"),
    "another size": (in_first_local(22, b"\xff\0\0\0"), "another size or check sum"),
    "another packed size": (in_first_local(18, b"\xff\0\0\0"), "another size or check sum"),
    "encrypted there only": (in_first_local(6, b"\1\0"), "says other than the central directory"),
    "no member": (in_first_local(0, b"PK\x05\x06"), "no member where"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
@pytest.mark.parametrize("reader", [read, read_facts])
def test_no_two_readers_see_two_archives(good: bytes, case: str, reader: Callable[..., object]) -> None:
    change, message = AMBIGUOUS[case]
    with pytest.raises(WheelError, match=message) as caught:
        reader(change(good), filename=NAME)
    assert caught.value.where == NAME
    assert caught.value.hint


def archive(*entries: tuple[bytes, bytes]) -> bytes:
    """Return an archive of local members with their central entries."""
    members, directory = b"".join(one for one, _ in entries), b"".join(other for _, other in entries)
    return members + directory + end(len(entries), len(directory), len(members))


def test_members_that_share_their_bytes() -> None:
    """The flat bomb: many entries that point at one block."""
    member = local(b"a")
    directory = central(b"a") * 2
    with pytest.raises(WheelError, match="overlaps"):
        read(member + directory + end(2, len(directory), len(member)), filename=NAME)


def test_extra_fields_give_no_other_name() -> None:
    other = struct.pack("<2HBL", 0x7075, 5 + 4, 1, zlib.crc32(b"good")) + b"evil"
    with pytest.raises(WheelError, match="gives 'good' another name"):
        read(archive((local(b"good"), central(b"good", extra=other))), filename=NAME)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ((local(b"a\xff"), central(b"a\xff")), "neither ASCII nor marked as UTF-8"),
        ((local(b"a/"), central(b"a/")), "a folder with content"),
        ((local(b"a", flags=1), central(b"a", flags=1)), "is encrypted"),
        ((local(b"a", method=9), central(b"a", method=9)), "a method that not every installer knows"),
        ((local(b"a", method=14), central(b"a", method=14)), "a method that not every installer knows"),
        ((local(b"a", size=3), central(b"a", size=3)), "does not say before it how long"),
        ((local(b"a", flags=8, packed=0, size=0, crc=0), central(b"a", flags=8)), "does not say before it how long"),
        ((local(b"a"), central(b"a", disk=1)), "in another volume"),
        ((local(b"a", size=0xFFFFFFFF), central(b"a", size=0xFFFFFFFF)), "zip64 field of 'a' is missing"),
    ],
)
def test_entries_that_readers_take_in_two_ways(entry: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(WheelError, match=message):
        read(archive(entry), filename=NAME)


def test_nothing_hides_behind_the_end_of_a_deflate_stream(tmp_path: Path) -> None:
    """Who reads as a stream goes on where the compressed data ends, not where its size says."""
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(b"data") + deflate.flush()
    hidden = packed + local(b"demo/evil.py")
    said = {"method": 8, "crc": zlib.crc32(b"data"), "size": 4}
    content = archive((local(b"data", hidden, **said), central(b"data", hidden, b"", **said)))
    with zips.opened(content, NAME) as opened, pytest.raises(WheelError, match="does not end where its headers say"):
        list(opened.blocks(opened.entries[0]))


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *arguments: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("is_stream", [False, True])
def test_data_descriptors_and_zip64_are_read(is_stream: bool, is_long: bool) -> None:
    """As real writers make them: sizes behind the content, or in extra fields, or both."""
    sink: io.BytesIO = Unseekable() if is_stream else io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(3):
            info = zipfile.ZipInfo(f"{number}")
            info.compress_type = zipfile.ZIP_DEFLATED
            with made.open(info, "w", force_zip64=is_long) as member:
                member.write(b"x" * 1000)
    assert bool(info.flag_bits & 8) == is_stream
    with zips.opened(sink.getvalue(), NAME) as opened:
        assert [entry.size for entry in opened.entries] == [1000] * 3
        assert all(b"".join(opened.blocks(entry)) == b"x" * 1000 for entry in opened.entries)


def test_descriptors_say_the_truth() -> None:
    sink = Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a", b"x" * 1000)
    content = sink.getvalue()
    at = content.index(b"PK\x07\x08")
    with pytest.raises(WheelError, match="not its size and check sum"):
        read(patched(content, at + 12, b"\1"), filename=NAME)


def deep(names: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        for name in names:
            made.writestr(zipfile.ZipInfo(name), b"")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([f"{number}/" + "/".join("d" * 32_000) for number in range(3)], "more than 1024 bytes"),
        (["/".join("d" * 400) + f"/{number}" for number in range(240)], "more than 64 folders deep"),
        ([f"{'n' * 256}/{number}" for number in range(10)], "a part of more than 255 bytes"),
    ],
)
def test_deep_and_long_names_cost_no_memory(names: Sequence[str], message: str) -> None:
    content = deep(names)
    assert len(content) < 500_000
    tracemalloc.start()
    try:
        with pytest.raises(WheelError, match=message):
            read(content, filename=NAME)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_the_deepest_names_that_are_taken_cost_no_memory() -> None:
    """Every name at its bounds, and no two in one folder: nothing is joined for each of its folders."""
    names = [f"{number:03}/" + "/".join(["d" * 14] * 63) for number in range(185)]
    content = deep(names)
    assert 350_000 < len(content) < 450_000
    tracemalloc.start()
    try:
        with pytest.raises(WheelError, match=r"0 \.dist-info folders"):
            read(content, filename=NAME)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("one", "other"), [("demo/\u00e9.py", "demo/e\u0301.py"), ("demo/\ufb00.py", "demo/FF.py"), ("a", "A")]
)
def test_names_that_one_file_system_takes_for_one(one: str, other: str) -> None:
    with pytest.raises(WheelError, match=r"by case only|at the same place"):
        read(deep([one, other]), filename=NAME)


def claims(tmp_path: Path, members: Mapping[str, str], *, change: Callable[[str], str] = lambda text: text) -> bytes:
    """Return a whole wheel with a true RECORD that says something that no wheel should."""
    made = make_wheel(tmp_path, "demo", "1.0", files={"demo.py": "", **members})
    with zipfile.ZipFile(made) as archived:
        content = {name: archived.read(name).decode() for name in archived.namelist()}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archived:
        for name, text in content.items():
            archived.writestr(name, change(text) if not name.endswith("RECORD") else text)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("members", "old", "new", "message"),
    [
        ({}, "Tag: py3-none-any", "Tag: cp27-cp27m-win32", "WHEEL has the tags cp27-cp27m-win32, the file name py3"),
        ({}, "Wheel-Version: 1.0\n", "Wheel-Version: 1.0\nWheel-Version: 1.1\n", "Wheel-Version more than once"),
        ({}, "Name: demo\n", "Name: demo\nName: evil\n", "METADATA has Name more than once"),
        ({}, "Version: 1.0\nS", "Version: 1.0\nVersion: 2\nS", "METADATA has Version more than once"),
        ({}, "Summary:", "Requires-Dist: ???\nSummary:", "Requires-Dist that is none"),
        ({}, "Summary:", "Requires-Dist: six >=2.*\nSummary:", "Requires-Dist that is none"),
        ({"demo-1.0.data/etc/evil": ""}, "", "", "demo-1.0.data/etc is of no installation scheme"),
        ({"demo-1.0.data/evil": ""}, "", "", "demo-1.0.data/evil is of no installation scheme"),
        ({f"{INFO}/entry_points.txt": "[console_scripts]\n../evil = demo:main\n"}, "", "", "name '../evil'"),
        ({f"{INFO}/entry_points.txt": "[gui_scripts]\n/bin/evil = demo:main\n"}, "", "", "name '/bin/evil'"),
        ({f"{INFO}/entry_points.txt": "[console_scripts]\nx = demo:main();evil\n"}, "", "", "no module and object"),
        ({f"{INFO}/entry_points.txt": "no section\n"}, "", "", "cannot be read"),
    ],
)
def test_claims_that_no_wheel_makes(
    tmp_path: Path, members: Mapping[str, str], old: str, new: str, message: str
) -> None:
    with pytest.raises(WheelError, match=message):
        read_facts(claims(tmp_path, members, change=lambda text: text.replace(old, new)), filename=NAME)


def test_claims_that_real_wheels_make(tmp_path: Path) -> None:
    points = "[console_scripts]\nmy-tool3.11 = demo.cli:main [fast]\n\n[other]\nany thing = what: ever\n"
    members = {f"{INFO}/entry_points.txt": points, "demo-1.0.data/scripts/tool": "", "demo-1.0.data/data/share/x": ""}
    assert read_facts(claims(tmp_path, members), filename=NAME).name == "demo"
