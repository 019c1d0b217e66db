from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.domain.errors import WheelError
from wheelyard.wheels.read import read
from wheelyard.wheels.rewrite import Changes, labelled, rewrite

FILES = {"b.py": "b", "a.py": "a", "demo-1.0.data/scripts/run": "#!python\n"}


def shuffled(path: Path, into: Path) -> Path:
    """The same wheel by another backend: other order, times, modes, compression, and RECORD in another order."""
    into.mkdir()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(into / path.name, "w", zipfile.ZIP_STORED) as new:
        for name in reversed(old.namelist()):
            content = old.read(name)
            if name.endswith("RECORD"):
                content = b"".join(reversed(content.splitlines(keepends=True)))
            new.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6)), content)
        new.writestr(zipfile.ZipInfo("demo/"), b"")
    return into / path.name


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", files=FILES)
    one = rewrite(wheel, tmp_path / "one")
    two = rewrite(shuffled(wheel, tmp_path / "other"), tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    assert one.name == wheel.name
    facts = read(one, strict=True)
    assert facts.members[:2] == ("a.py", "b.py")
    assert facts.members[-1] == "demo-1.0.dist-info/RECORD"
    assert rewrite(one, tmp_path / "three").read_bytes() == one.read_bytes()


def test_platforms_and_label(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", files=FILES, tag="cp39.cp310-abi3-linux_x86_64")
    changes = Changes(
        platforms=("manylinux_2_17_x86_64", "manylinux2014_x86_64"), local_version="mkl.v3", extra={"x.json": b"{}"}
    )
    path = rewrite(wheel, tmp_path / "out", changes)
    assert path.name == "demo-1.0+mkl.v3-cp39.cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    facts = read(path, strict=True)
    assert facts.version == "1.0+mkl.v3"
    assert len(facts.tags) == 4
    assert "demo-1.0+mkl.v3.data/scripts/run" in facts.members
    assert "demo-1.0+mkl.v3.dist-info/x.json" in facts.members
    assert b"Summary: a crafted package" in facts.metadata


def test_what_is_executable_stays_so(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", files=FILES)
    with zipfile.ZipFile(wheel, "a") as archive:
        info = zipfile.ZipInfo("tool")
        info.external_attr = 0o104755 << 16
        archive.writestr(info, "")
    with zipfile.ZipFile(rewrite(wheel, tmp_path / "out")) as archive:
        assert archive.getinfo("tool").external_attr >> 16 == 0o100755
        assert archive.getinfo("a.py").external_attr >> 16 == 0o100644
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_labels() -> None:
    assert labelled("1.0", "v3") == "1.0+v3"
    assert labelled("1.0+ours", "v3") == "1.0+ours.v3"


def test_what_is_no_wheel(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", files={"other-2.0.dist-info/METADATA": ""})
    with pytest.raises(WheelError, match=r"2 \.dist-info"):
        rewrite(wheel, tmp_path / "out")
    named = make_wheel(tmp_path, "demo", "1.0").rename(tmp_path / "demo.whl")
    with pytest.raises(WheelError, match="name is not a wheel's"):
        rewrite(named, tmp_path / "out")
