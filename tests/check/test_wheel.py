"""A zoo of wheels that are damaged, careless or hostile."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.archives import members
from wheelyard.archives import zip as zips
from wheelyard.domain.errors import WheelError
from wheelyard.wheels.modules import top_level_modules
from wheelyard.wheels.read import read, read_facts

NAME = "demo-1.0-py3-none-any.whl"
INFO = "demo-1.0.dist-info"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return make_wheel(tmp_path, "demo", "1.0", files={"demo/__init__.py": "x = 1\n", "demo/data.txt": "data"})


def rebuilt(path: Path, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Return the wheel's bytes after a change to its members; RECORD stays what it was."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    return zipped(list(members.items()))


def zipped(members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_good_one(good: Path) -> None:
    facts = read(good, strict=True)
    assert facts == read_facts(good) == read(good.read_bytes(), filename=NAME)
    assert (facts.name, facts.version, facts.dist_info) == ("demo", "1.0", INFO)
    assert facts.tags == {"py3-none-any"}
    assert facts.is_pure
    assert facts.top_level_modules == ("demo",)
    assert facts.metadata.startswith(b"Metadata-Version: 2.1\nName: demo\n")


def test_what_metadata_says(tmp_path: Path) -> None:
    requires = ["six>=1", 'tomli; python_version < "3.11"']
    made = make_wheel(tmp_path, "My.Demo", "1.0", requires=requires, requires_python=">=3.6, <4", extras=["a_b"])
    facts = read(made)
    assert facts.name == "my-demo"
    assert (facts.requires_dist, facts.requires_python, facts.provides_extra) == (
        tuple(requires),
        ">=3.6, <4",
        ("a_b",),
    )


Change = Callable[[dict[str, bytes]], object]
DAMAGED: Mapping[str, tuple[Change, str]] = {
    "flipped content": (
        lambda m: m.update({"demo/data.txt": b"dada"}),
        "'demo/data.txt' is not what RECORD says: another",
    ),
    "unlisted": (lambda m: m.update({"demo/evil.py": b""}), "'demo/evil.py' is not in RECORD"),
    "gone": (lambda m: m.pop("demo/data.txt"), "RECORD lists 'demo/data.txt', which is not there"),
    "no RECORD": (lambda m: m.pop(f"{INFO}/RECORD"), "RECORD is missing"),
    "no METADATA": (lambda m: m.pop(f"{INFO}/METADATA"), "METADATA is missing"),
    "no WHEEL": (lambda m: m.pop(f"{INFO}/WHEEL"), "WHEEL is missing"),
    "RECORD is noise": (lambda m: m.update({f"{INFO}/RECORD": b"\xff\xfe"}), "RECORD cannot be read"),
    "RECORD lists twice": (
        lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"] + m[f"{INFO}/RECORD"]}),
        "lists 'demo/data.txt' twice",
    ),
    "no hash": (
        lambda m: m.update(
            {f"{INFO}/RECORD": b"demo/data.txt,,\n" + m[f"{INFO}/RECORD"].replace(b"demo/data", b"demo/x")}
        ),
        "no hash for 'demo/data.txt'",
    ),
    "weak hash": (
        lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"].replace(b"sha256", b"md5")}),
        "weak hash for 'demo/__init__.py'",
    ),
    "another size": (
        lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"].replace(b",4\n", b",5\n")}),
        "4 bytes, not 5",
    ),
    "a folder of others": (
        lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"] + b"numpy/,,\n"}),
        "RECORD lists 'numpy/', which is not there",
    ),
    "two columns": (lambda m: m.update({f"{INFO}/RECORD": b"a,b\n" + m[f"{INFO}/RECORD"]}), "not path, hash and size"),
    "another name": (
        lambda m: m.update({f"{INFO}/METADATA": m[f"{INFO}/METADATA"].replace(b"Name: demo", b"Name: evil")}),
        "METADATA says the name is 'evil', the file name says 'demo'",
    ),
    "another version": (
        lambda m: m.update({f"{INFO}/METADATA": m[f"{INFO}/METADATA"].replace(b": 1.0", b": 2.0")}),
        "METADATA says the version is '2.0', the file name says '1.0'",
    ),
    "a new format": (
        lambda m: m.update({f"{INFO}/WHEEL": m[f"{INFO}/WHEEL"].replace(b"Wheel-Version: 1.0", b"Wheel-Version: 2.0")}),
        "format is version '2.0'",
    ),
    "two dist-infos": (lambda m: m.update({"evil-1.0.dist-info/METADATA": b""}), r"2 \.dist-info folders"),
    "foreign data": (lambda m: m.update({"evil-1.0.data/scripts/x": b""}), "folder 'evil-1.0.data' beside"),
    "climbing": (lambda m: m.update({"../evil.py": b""}), "'../evil.py' is not a plain relative path"),
    "climbing inside": (lambda m: m.update({"demo/../../evil.py": b""}), "not a plain relative path"),
    "absolute": (lambda m: m.update({"/etc/passwd": b""}), "not a plain relative path"),
    "a drive": (lambda m: m.update({"C:/evil.py": b""}), "not a plain relative path"),
    "backslash": (lambda m: m.update({"demo\\evil.py": b""}), "not a plain relative path"),
    "line break": (lambda m: m.update({"demo/e\nvil.py": b""}), "not a plain relative path"),
    "an empty part": (lambda m: m.update({"demo//evil.py": b""}), "not a plain relative path"),
    "case": (lambda m: m.update({"demo/DATA.txt": b""}), "'demo/DATA.txt' differs from 'demo/data.txt' by case only"),
    "file and folder": (lambda m: m.update({"demo/data.txt/x": b""}), "'demo/data.txt' is a file and a folder"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_and_hostile(good: Path, case: str) -> None:
    change, message = DAMAGED[case]
    with pytest.raises(WheelError, match=message) as caught:
        read(rebuilt(good, change), filename=NAME)
    assert caught.value.where == NAME


def test_every_fault_is_named_at_once(good: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        members.update({"demo/data.txt": b"dada", "demo/evil.py": b""})

    with pytest.raises(WheelError, match=r"data\.txt.*; .*evil\.py"):
        read(rebuilt(good, change), filename=NAME)
    many = zipped([(f"../{number}", b"") for number in range(50)])
    with pytest.raises(WheelError, match="and 38 more"):
        read(many, filename=NAME)


@pytest.mark.parametrize(
    "filename", ["demo.whl", "demo-1.0.whl", "demo-1.0-py3-none-any.zip", "demo-x.y-py3-none-any.whl", ""]
)
def test_names_that_are_no_wheels(good: Path, filename: str) -> None:
    with pytest.raises(WheelError, match="name is not a wheel's"):
        read(good.read_bytes(), filename=filename)


@pytest.mark.parametrize("filename", ["other-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl"])
def test_under_another_name(good: Path, filename: str) -> None:
    with pytest.raises(WheelError, match="file name says"):
        read(good.read_bytes(), filename=filename)


def test_twice_the_same_name(good: Path) -> None:
    buffer = io.BytesIO(good.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("demo/data.txt", "data")
    with pytest.raises(WheelError, match=r"'demo/data\.txt' is there twice"):
        read(buffer.getvalue(), filename=NAME)


@pytest.mark.parametrize(
    ("mode", "message"), [(0o120777, "a symlink"), (0o020666, "not a file"), (0o010666, "not a file")]
)
def test_links_and_devices(mode: int, message: str) -> None:
    info = zipfile.ZipInfo("demo/link")
    info.external_attr = mode << 16
    with pytest.raises(WheelError, match=message):
        read(zipped([(info, b"/etc/passwd")]), filename=NAME)


def test_encrypted(good: Path) -> None:
    content = bytearray(good.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 8] |= 1
    with pytest.raises(WheelError, match="is encrypted"):
        read(bytes(content), filename=NAME)


def test_an_unknown_compression(good: Path) -> None:
    content = bytearray(good.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 10 : start + 12] = struct.pack("<H", 99)
    with pytest.raises(WheelError, match="compressed by a method"):
        read(bytes(content), filename=NAME)


@pytest.mark.parametrize("cut", [0, 10, 100, -1, -30])
def test_cut_off(good: Path, cut: int) -> None:
    content = good.read_bytes()
    with pytest.raises(WheelError):
        read(content[:cut], filename=NAME)


def test_every_flipped_bit_of_a_member_is_found(good: Path) -> None:
    content = good.read_bytes()
    with zipfile.ZipFile(good) as archive:
        info = archive.getinfo("demo/__init__.py")
    start = info.header_offset + 30 + len(info.filename)
    for position in range(start, start + info.compress_size):
        flipped = bytearray(content)
        flipped[position] ^= 4
        with pytest.raises(WheelError):
            read(bytes(flipped), filename=NAME)


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "RATIO_FROM", 1 << 20)
    with pytest.raises(WheelError, match="archive bomb"):
        read(zipped([("demo/zeros", b"\0" * (4 << 20))]), filename=NAME)
    monkeypatch.setattr(zips, "MAX_MEMBERS", 10)
    with pytest.raises(WheelError, match="it has 11 members"):
        read(zipped([(f"demo/{number}", b"") for number in range(11)]), filename=NAME)


def test_a_size_that_lies(good: Path) -> None:
    """A central directory that says another size than the data has."""
    content = bytearray(good.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", 2)
    with pytest.raises(WheelError):
        read(bytes(content), filename=NAME)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WheelError):
        read(tmp_path / NAME)


TOLERATED: Mapping[str, Change] = {
    "signatures are not in RECORD": lambda m: m.update({f"{INFO}/RECORD.jws": b"x", f"{INFO}/RECORD.p7s": b"y"}),
    "folders": lambda m: m.update({"demo/": b"", "empty/": b""}),
    "folders in RECORD": lambda m: m.update(
        {f"{INFO}/RECORD": m[f"{INFO}/RECORD"] + b"demo/,,\nempty/,,\n", "empty/": b""}
    ),
    "an empty line in RECORD": lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"] + b"\n"}),
    "Windows line ends": lambda m: m.update({f"{INFO}/RECORD": m[f"{INFO}/RECORD"].replace(b"\n", b"\r\n")}),
}


@pytest.mark.parametrize("case", TOLERATED)
def test_what_real_wheels_do(good: Path, case: str) -> None:
    assert read(rebuilt(good, TOLERATED[case]), filename=NAME, strict=True).name == "demo"


def test_old_names(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "Zope.Demo", "1.0")
    assert read(path).name == "zope-demo"


@pytest.mark.parametrize(
    ("old", "new", "remark"),
    [
        (rb"(demo/data.txt,[^,]+),4", rb"\1,", "RECORD has no size for 'demo/data.txt'"),
        (rb"(demo/data.txt,[^,]+),4", rb"\1=,4", "RECORD has a padded hash for 'demo/data.txt'"),
    ],
)
def test_what_breaks_the_letter_of_record_is_refused_in_what_is_made_here(
    good: Path, old: bytes, new: bytes, remark: str
) -> None:
    changed = rebuilt(good, lambda m: m.update({f"{INFO}/RECORD": re.sub(old, new, m[f"{INFO}/RECORD"])}))
    assert read(changed, filename=NAME).name == "demo"
    with pytest.raises(WheelError, match=f"^{NAME}: {remark} "):
        read(changed, filename=NAME, strict=True)


def test_remarks_are_faults_in_what_is_made_here(tmp_path: Path, good: Path) -> None:
    renamed = good.rename(tmp_path / "demo-1.0-py2.py3-none-any.whl")
    (remark,) = read(renamed).remarks
    assert remark == "WHEEL has the tags py3-none-any, the file name py2-none-any, py3-none-any"
    with pytest.raises(WheelError, match="WHEEL has the tags"):
        read(renamed, strict=True)


def test_modules() -> None:
    members = (
        "plain.py",
        "fast.cpython-312-x86_64-linux-gnu.so",
        "stable.abi3.so",
        "package/__init__.py",
        "package/inner/__init__.py",
        "compiled/__init__.cpython-312-x86_64-linux-gnu.so",
        "space/one/__init__.py",
        "space/deep/two.py",
        "data/table.csv",
        "not-a-name/__init__.py",
        "demo-stubs/__init__.pyi",
        "demo-1.0.dist-info/METADATA",
        "demo-1.0.data/scripts/tool.py",
        "demo-1.0.data/purelib/moved.py",
        "__init__.py",
    )
    expected = ("compiled", "fast", "moved", "package", "plain", "space.deep.two", "space.one", "stable")
    assert top_level_modules(members, INFO) == expected
