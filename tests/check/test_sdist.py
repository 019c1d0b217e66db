"""Sdists that are damaged, hostile, or seen in two ways by two readers."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.packages import make_sdist, make_wheel, metadata
from tests.support.shop import Shop
from wheelyard.domain.errors import WheelError
from wheelyard.mirror.add import add
from wheelyard.sdist.reader import read

NAME = "demo-1.0.tar.gz"
INFO = ("demo-1.0/PKG-INFO", metadata("demo", "1.0").encode())


def packed(*members: tarfile.TarInfo | tuple[str, bytes], **pax: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, pax_headers=pax) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(b"x" * member.size))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return sink.getvalue()


def special(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, **pax: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, link, size, dict(pax)
    return info


def raw_header(name: str, kind: bytes, content: bytes) -> bytes:
    info = special(name, kind)
    info.size = len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % 512)


def two_sizes() -> bytes:
    """One reader skips what the pax header says, and reads a member out of another's content; the other does not."""
    return raw_header("x", tarfile.XHDTYPE, b"11 size=00\n") + packed(("demo-1.0/a", b"x" * 600), INFO)


def prefixed() -> bytes:
    """GNU's tar does not know the prefix that ustar has for long names."""
    content = bytearray(packed(INFO))
    content[345:349] = b"evil"
    content[257:265] = b"ustar  \0"
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


HOSTILE: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "garbage": (lambda: b"this is not an archive" * 100, "is not a whole archive"),
    "nothing": (lambda: b"", "is not a whole archive"),
    "cut off": (lambda: packed(INFO)[:700], "is not a whole archive"),
    "climbing": (lambda: packed(INFO, ("demo-1.0/../../evil", b"")), "leads out"),
    "absolute": (lambda: packed(INFO, ("/etc/evil", b"")), "leads out"),
    "a link out": (lambda: packed(INFO, special("demo-1.0/l", tarfile.SYMTYPE, "/etc/passwd")), "unsafe"),
    "a link above": (lambda: packed(INFO, special("demo-1.0/l", tarfile.SYMTYPE, "../evil")), "out of its folder"),
    "a link through a link": (
        lambda: packed(
            INFO,
            special("demo-1.0/a/b/l", tarfile.SYMTYPE, "../.."),
            special("demo-1.0/m", tarfile.SYMTYPE, "a/b/l/.."),
        ),
        "out of its folder",
    ),
    "a member below a link": (
        lambda: packed(INFO, special("demo-1.0/l", tarfile.SYMTYPE, "sub"), ("demo-1.0/l/x", b"")),
        "a file and a folder",
    ),
    "a hard link out": (lambda: packed(INFO, special("demo-1.0/l", tarfile.LNKTYPE, "../etc/passwd")), "unsafe"),
    "a hard link to what is not there": (
        lambda: packed(INFO, special("demo-1.0/l", tarfile.LNKTYPE, "demo-1.0/none")),
        "no file before it",
    ),
    "a device": (lambda: packed(INFO, special("demo-1.0/d", tarfile.CHRTYPE)), "device, pipe"),
    "a pipe": (lambda: packed(INFO, special("demo-1.0/d", tarfile.FIFOTYPE)), "device, pipe"),
    "a sparse file": (
        lambda: packed(INFO, special("demo-1.0/s", tarfile.REGTYPE, "", 0, **{"GNU.sparse.major": "1"})),
        "sparse",
    ),
    "twice": (lambda: packed(INFO, ("demo-1.0/a", b"1"), ("demo-1.0/a", b"2")), "'demo-1.0/a' is there twice"),
    "twice in another spelling": (
        lambda: packed(INFO, ("demo-1.0/a", b"1"), ("./demo-1.0//a", b"2")),
        "is there twice",
    ),
    "by case": (lambda: packed(INFO, ("demo-1.0/a", b"1"), ("demo-1.0/A", b"2")), "by case only"),
    "too deep": (lambda: packed(INFO, ("demo-1.0/" + "d/" * 70 + "x", b"")), "folders deep"),
    "too long": (lambda: packed(INFO, ("demo-1.0/" + "d" * 300, b"")), "more than 255 bytes"),
    "control characters": (lambda: packed(INFO, ("demo-1.0/a\x1b[2J", b"")), "control characters"),
    "two top folders": (lambda: packed(INFO, ("other/x", b"")), "this has 2 entries"),
    "another top folder": (lambda: packed(("evil-1.0/PKG-INFO", INFO[1])), "its top folder is 'evil-1.0'"),
    "no PKG-INFO": (lambda: packed(("demo-1.0/setup.py", b"")), "PKG-INFO is missing"),
    "PKG-INFO is a link": (
        lambda: packed(("demo-1.0/x", b""), special("demo-1.0/PKG-INFO", tarfile.SYMTYPE, "x")),
        "PKG-INFO is missing",
    ),
    "another name": (lambda: packed((INFO[0], b"Name: evil\nVersion: 1.0\n")), "the name is 'evil'"),
    "another version": (lambda: packed((INFO[0], b"Name: demo\nVersion: 2.0\n")), "the version is '2.0'"),
    "two names": (lambda: packed((INFO[0], b"Name: demo\nName: evil\nVersion: 1.0\n")), "Name more than once"),
    "two sizes": (two_sizes, "two sizes"),
    "a prefix to some": (prefixed, "of no known kind"),
    "a folder with content": (lambda: packed(INFO, special("demo-1.0/d", tarfile.SYMTYPE, "x", 3)), "with content"),
    "a name for all": (lambda: packed(INFO, path="demo-1.0/evil"), "global header sets 'path'"),
    "a second archive": (lambda: packed(INFO) + packed(("demo-1.0/evil", b"")), "follows the end of the tar"),
    "a huge header": (
        lambda: raw_header("x", tarfile.XHDTYPE, b"9" * 70_000) + packed(INFO),
        "extended header of 70000",
    ),
    "a header that is noise": (lambda: raw_header("x", tarfile.XHDTYPE, b"9" * 700) + packed(INFO), "cannot be read"),
    "a header for nothing": (
        lambda: raw_header("x", tarfile.XHDTYPE, b"7 a=bc\n") + b"\0" * 1024,
        "behind an extended",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_sdists(tmp_path: Path, case: str) -> None:
    make, message = HOSTILE[case]
    path = tmp_path / NAME
    path.write_bytes(gzip.compress(make()))
    with pytest.raises(WheelError, match=message) as caught:
        read(path)
    assert caught.value.where == NAME
    assert caught.value.hint


def test_a_second_compressed_stream_is_another_archive_to_some(tmp_path: Path) -> None:
    path = tmp_path / NAME
    whole = packed(INFO)
    path.write_bytes(gzip.compress(whole[:512]) + gzip.compress(whole[512:]))
    with pytest.raises(WheelError, match=r"cut off|follows the compressed stream"):
        read(path)
    path.write_bytes(gzip.compress(whole) + gzip.compress(b""))
    with pytest.raises(WheelError, match="follows the compressed stream"):
        read(path)


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def test_zips_are_read_as_strictly(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.zip"
    good = zipped(INFO)
    path.write_bytes(good)
    assert read(path).members == ("PKG-INFO",)
    link = zipfile.ZipInfo("demo-1.0/l")
    link.external_attr = 0o120777 << 16
    for content, message in (
        (good + b"more", "something follows"),
        (b"PK\x03\x04" + good, "not where its end says"),
        (zipped(INFO, ("demo-1.0/../../evil", b"")), "leads out"),
        (zipped(INFO, ("demo-1.0/A", b""), ("demo-1.0/a", b"")), "by case only"),
        (zipped(INFO, (link, b"/etc/passwd")), "holds a link"),
    ):
        path.write_bytes(content)
        with pytest.raises(WheelError, match=message):
            read(path)


def test_what_real_sdists_have(tmp_path: Path) -> None:
    """Names that begin with ``./``, folders said twice, links that stay inside, a comment of git for all members."""
    path = tmp_path / "Zope.Demo-1.0.tar.gz"
    content = packed(
        special("./zope_demo-1.0", tarfile.DIRTYPE),
        special("./zope_demo-1.0", tarfile.DIRTYPE),
        ("./zope_demo-1.0/PKG-INFO", metadata("zope-demo", "1.0", requires_python=">=3.8").encode()),
        ("./zope_demo-1.0/" + "long/" * 40 + "ü.txt", b"x"),
        special("./zope_demo-1.0/docs/README", tarfile.SYMTYPE, "../PKG-INFO"),
        special("./zope_demo-1.0/COPY", tarfile.LNKTYPE, "./zope_demo-1.0/PKG-INFO"),
        comment="0123456789",
    )
    path.write_bytes(gzip.compress(content))
    facts = read(path)
    assert (facts.name, facts.version, facts.requires_python) == ("zope-demo", "1.0", ">=3.8")
    assert facts.members[-2:] == ("docs/README", "COPY")


@pytest.mark.parametrize("case", ["garbage", "climbing", "a link out", "another name"])
def test_what_is_hostile_is_not_added(tmp_path: Path, case: str) -> None:
    shop = Shop(tmp_path)
    path = tmp_path / NAME
    path.write_bytes(gzip.compress(HOSTILE[case][0]()))
    with pytest.raises(WheelError, match=HOSTILE[case][1]):
        add([path], store=shop.store, into=shop.into)
    assert not (shop.into / "files").exists()


def checked(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelyard", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_check_reads_wheels_and_sdists(tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path, "demo", "1.0"), make_sdist(tmp_path, "demo", "1.0", {"setup.py": ""})
    done = checked(str(wheel), str(sdist))
    assert (done.returncode, done.stdout) == (0, "2 of 2 files are whole, and the same to every installer\n"), (
        done.stderr
    )
    wheel.write_bytes(wheel.read_bytes() + b"more")
    done = checked(str(wheel), str(sdist))
    assert done.returncode == 10
    assert f"{wheel.name}: is not a whole zip archive: something follows its end" in done.stdout
    assert json.loads(checked("--json", str(wheel)).stdout)["path"] == wheel.name
