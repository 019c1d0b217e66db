from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from tests.support.packages import make_sdist
from wheelyard.build.frontend import apply_patches, declared_requirements, static_metadata, unpack_sdist
from wheelyard.domain.errors import BuildError, WheelError
from wheelyard.sdist import reader as room


def tar(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_every_compression(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "blob"
    path.write_bytes(
        compress(tar(("demo-1.0/setup.py", b"hello"), special("demo-1.0/link", tarfile.SYMTYPE, "setup.py")))
    )
    top = unpack_sdist(path, tmp_path / "into", filename="demo-1.0.tar.gz")
    assert top == tmp_path / "into" / "demo-1.0"
    assert (top / "link").read_text() == "hello"


def test_zip_with_modes_and_times(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("demo-1.0/configure", (2001, 2, 3, 4, 5, 6))
        info.external_attr = 0o100755 << 16
        archive.writestr(info, "#!/bin/sh")
        archive.writestr(zipfile.ZipInfo("demo-1.0/sub/"), "")
    top = unpack_sdist(path, tmp_path / "into")
    assert (top / "configure").stat().st_mode & 0o777 == 0o755
    assert (top / "configure").stat().st_mtime == 981173106
    assert (top / "sub").is_dir()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar(("../evil", b"x")), "leads out"),
        (tar(("demo-1.0/../../evil", b"x")), "leads out"),
        (tar(("/tmp/evil", b"x")), "leads out"),
        (tar(("demo-1.0\\..\\evil", b"x")), "leads out"),
        (tar(special("demo-1.0/link", tarfile.SYMTYPE, "../../outside")), "unsafe"),
        (tar(special("demo-1.0/link", tarfile.SYMTYPE, "/etc/passwd")), "unsafe"),
        (tar(special("demo-1.0/link", tarfile.LNKTYPE, "../../outside")), "unsafe"),
        (tar(special("demo-1.0/null", tarfile.CHRTYPE)), "device"),
        (tar(special("demo-1.0/pipe", tarfile.FIFOTYPE)), "device"),
        (tar(("demo-1.0/a", b"x"), ("other/b", b"x")), "2 entries"),
        (tar(("just-a-file", b"x")), "1 entries"),
        (tar(), "0 entries"),
        (tar(("demo-1.0/a", b"x"), ("demo-1.0/a/b", b"x")), "same place"),
        (tar(("demo-1.0/a", b"x" * 5000))[:3000], "not a whole archive"),
        (b"this is no archive", "not a whole archive"),
        (gzip.compress(tar(("demo-1.0/a", b"x")), mtime=0)[:40], "not a whole archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "tar",
)
def test_hostile_tars(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "demo-1.0.tar"
    path.write_bytes(content)
    with pytest.raises(WheelError, match=message) as caught:
        unpack_sdist(path, tmp_path / "deep" / "into")
    assert caught.value.where == "demo-1.0.tar"
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "deep" / "evil").exists()


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(tar(("demo-1.0/a", b"\0" * 100_000))))
    monkeypatch.setattr(room, "MAX_SIZE", 50_000)
    with pytest.raises(WheelError, match="an archive bomb"):
        unpack_sdist(path, tmp_path / "into")
    monkeypatch.setattr(room, "MAX_MEMBERS", 3)
    path.write_bytes(gzip.compress(tar(*((f"demo-1.0/{number}", b"") for number in range(5)))))
    with pytest.raises(WheelError, match="unpacks to more"):
        unpack_sdist(path, tmp_path / "into2")


def test_a_header_of_absurd_size(tmp_path: Path) -> None:
    header = special("demo-1.0/pax", tarfile.XHDTYPE)
    header.size = 5 << 30
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf() + b"\0" * 2048))
    with pytest.raises(WheelError, match="not a whole archive"):
        unpack_sdist(path, tmp_path / "into")


@pytest.mark.parametrize("mode", [0o120777, 0o020666])
def test_hostile_zips(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("demo-1.0/x")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(WheelError, match="link, device"):
        unpack_sdist(path, tmp_path / "into")


PATCH = """\
--- a/mod.py
+++ b/mod.py
@@ -1,3 +1,3 @@
 one
-two
+zwei
 three
"""


def test_patches(tmp_path: Path) -> None:
    source = tmp_path / "demo"
    source.mkdir()
    (source / "mod.py").write_text("one\ntwo\nthree\n")
    patch = tmp_path / "german.patch"
    patch.write_text(PATCH)
    apply_patches(source, [patch])
    assert (source / "mod.py").read_text() == "one\nzwei\nthree\n"
    with pytest.raises(BuildError, match="previously applied"):
        apply_patches(source, [patch])
    (source / "mod.py").write_text("quite\nanother\nfile\n")
    with pytest.raises(BuildError, match=r"patching file mod\.py; Hunk #1 FAILED") as caught:
        apply_patches(source, [patch])
    assert caught.value.where == "german.patch"
    assert sorted(path.name for path in source.iterdir()) == ["mod.py"]
    with pytest.raises(BuildError, match="no such patch"):
        apply_patches(source, [tmp_path / "none.patch"])


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        (None, ("setuptools >= 40.8.0",)),
        ("[project]\nname = 'x'\n", ("setuptools >= 40.8.0",)),
        ("[build-system]\nrequires = ['flit_core >=3.2,<4']\nbuild-backend = 'x'\n", ("flit_core >=3.2,<4",)),
    ],
)
def test_declared_requirements(tmp_path: Path, pyproject: str | None, expected: tuple[str, ...]) -> None:
    (tmp_path / "setup.py").touch()
    if pyproject:
        (tmp_path / "pyproject.toml").write_text(pyproject)
    assert declared_requirements(tmp_path) == expected


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ("[build-system", "cannot be read"),
        ("[build-system]\n", "must be a list"),
        ("[build-system]\nrequires = 'x'\n", "must be a list"),
        ("[build-system]\nrequires = ['==']\n", "requires"),
        ("build-system = 3", "must be a list"),
    ],
)
def test_wrong_build_systems(tmp_path: Path, pyproject: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(pyproject)
    with pytest.raises(BuildError, match=message):
        declared_requirements(tmp_path)


def test_no_source_tree(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no Python sdist"):
        declared_requirements(tmp_path)


HEAD = "Name: demo\nVersion: 1.0\nRequires-Dist: six\n"


@pytest.mark.parametrize(
    ("info", "known"),
    [
        ("Metadata-Version: 2.2\n" + HEAD, True),
        ("Metadata-Version: 2.4\n" + HEAD + "Dynamic: Description\n", True),
        ("Metadata-Version: 2.2\n" + HEAD + "Dynamic: Requires-Dist\n", False),
        ("Metadata-Version: 2.4\n" + HEAD + "Dynamic: requires-python\n", False),
        ("Metadata-Version: 2.4\n" + HEAD + "Dynamic: Provides-Extra\n", False),
        ("Metadata-Version: 2.1\n" + HEAD, False),
        ("Metadata-Version: x\n" + HEAD, False),
    ],
)
def test_static_metadata_of_pkg_info(tmp_path: Path, info: str, known: bool) -> None:
    path = make_sdist(tmp_path, "demo", "1.0", {"PKG-INFO": info, "sub/PKG-INFO": "Metadata-Version: 2.4\n"})
    assert static_metadata(path) == (info.encode() if known else None)


def test_static_metadata_of_a_project_table(tmp_path: Path) -> None:
    pyproject = """
        [project]
        name = "demo"
        dynamic = ["version"]
        requires-python = ">=3.8"
        dependencies = ["six>=1", "tomli; python_version < '3.11'"]
        optional-dependencies.fast = ["numpy", "numba; platform_machine == 'x86_64' or python_version > '3'"]
    """
    info = "Metadata-Version: 2.1\n" + HEAD
    path = make_sdist(tmp_path, "demo", "1.0", {"PKG-INFO": info, "pyproject.toml": pyproject.replace("        ", "")})
    found = static_metadata(path)
    assert found is not None
    headers = BytesHeaderParser().parsebytes(found)
    assert (headers["Name"], headers["Version"], headers["Requires-Python"]) == ("demo", "1.0", ">=3.8")
    assert headers.get_all("Provides-Extra") == ["fast"]
    assert headers.get_all("Requires-Dist") == [
        "six>=1",
        'tomli; python_version < "3.11"',
        'numpy; extra == "fast"',
        'numba; (platform_machine == "x86_64" or python_version > "3") and extra == "fast"',
    ]


@pytest.mark.parametrize(
    "line", ["", 'dynamic = ["dependencies"]\n', "dependencies = [3]\n", 'dependencies = ["=="]\n']
)
def test_a_project_table_that_does_not_say(tmp_path: Path, line: str) -> None:
    files = {"PKG-INFO": "Metadata-Version: 2.1\n" + HEAD, "pyproject.toml": f'[project]\nname = "demo"\n{line}'}
    assert static_metadata(make_sdist(tmp_path, "demo", "1.0", files)) is None


def test_static_metadata_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(tar(("demo-1.0/a", b"x"))))
    assert static_metadata(path) is None
    path.write_bytes(b"nothing")
    with pytest.raises(WheelError):
        static_metadata(path)
