"""The target's Python: headers and variables, made from this machine's or taken from an archive."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support import apple
from tests.support.cross_targets import Toolchain, cross
from wheelyard.domain.errors import HashMismatchError, ToolError
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.toolchain.zig import archive as archives
from wheelyard.toolchain.zig import installer, place, pyconfig, variables, zig

pytestmark = pytest.mark.slow

PYCONFIG = """\
/* The size of `long double'. */
#define SIZEOF_LONG_DOUBLE 16

/* Define to 1 if you have the <sys/epoll.h> header file. */
#define HAVE_SYS_EPOLL_H 1

/* Define to 1 if you have the <sys/event.h> header file. */
/* #undef HAVE_SYS_EVENT_H */

/* Define to 1 if you have the `accept4' function. */
#define HAVE_ACCEPT4 1

/* Define if you have the 'kqueue' function. */
/* #undef HAVE_KQUEUE */

/* Define if C doubles are little-endian. */
#define DOUBLE_IS_LITTLE_ENDIAN_IEEE754 1

/* How Python was made. */
#define WITH_PYMALLOC 1

/* Define on Darwin to activate all library features */
#define _DARWIN_C_SOURCE 1

/* Enable GNU extensions on systems that have them.  */
#ifndef _GNU_SOURCE
# define _GNU_SOURCE 1
#endif
"""


def test_headers_are_asked_for_by_name() -> None:
    assert pyconfig.headers(PYCONFIG) == {"sys/epoll.h", "sys/event.h"}


@pytest.mark.parametrize(
    ("tag", "holds", "lacks"),
    [
        (
            "macosx_11_0_arm64",
            ["SIZEOF_LONG_DOUBLE 8", "HAVE_SYS_EVENT_H 1", "HAVE_KQUEUE 1", "WITH_PYMALLOC 1"],
            ["HAVE_SYS_EPOLL_H", "HAVE_ACCEPT4", "_GNU_SOURCE 1"],
        ),
        ("macosx_10_13_x86_64", ["SIZEOF_LONG_DOUBLE 16", "HAVE_KQUEUE 1"], ["HAVE_SYS_EPOLL_H", "_GNU_SOURCE 1"]),
        ("manylinux_2_17_s390x", ["HAVE_ACCEPT4 1", "_GNU_SOURCE 1"], ["DOUBLE_IS_LITTLE_ENDIAN_IEEE754", "KQUEUE 1"]),
    ],
)
def test_what_differs_from_platform_to_platform(tag: str, holds: list[str], lacks: list[str]) -> None:
    platform = platforms.parse(tag)
    mac = platform.family == "macosx"
    text = pyconfig.translated(
        PYCONFIG,
        platform,
        has_header=lambda name: (name == "sys/event.h") == mac,
        functions={"kqueue"} if mac else None,
    )
    for line in holds:
        assert f"define {line}" in text
    for line in lacks:
        assert f"define {line}" not in text


@pytest.mark.parametrize(
    ("tag", "python", "suffix", "platform"),
    [
        ("macosx_11_0_arm64", "3.12", ".cpython-312-darwin.so", "macosx-11.0-arm64"),
        ("musllinux_1_2_x86_64", "3.12", ".cpython-312-x86_64-linux-musl.so", "linux-x86_64"),
        ("musllinux_1_2_aarch64", "3.9", ".cpython-39-aarch64-linux-gnu.so", "linux-aarch64"),
        ("manylinux_2_17_ppc64le", "3.9", ".cpython-39-powerpc64le-linux-gnu.so", "linux-ppc64le"),
    ],
)
def test_names_as_real_wheels_have_them(tag: str, python: str, suffix: str, platform: str) -> None:
    parsed = platforms.parse(tag)
    made = variables.generated(parsed, python, abiflags="", include="/x", tools={"CC": "cc", "CXX": "c++"})
    assert made["EXT_SUFFIX"] == suffix
    assert zig.system(parsed) == platform


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("macosx_10_9_universal2", "macosx_10_13_universal2"),
        ("macosx_10_9_x86_64", "macosx_10_13_x86_64"),
        ("manylinux_2_12_x86_64", "manylinux from 2.17"),
        ("manylinux_2_17_armv7l", "or name an image"),
    ],
)
def test_an_unknown_triple(tag: str, hint: str) -> None:
    with pytest.raises(ToolError, match=f"Zig does not compile for {tag}.*{hint}"):
        zig.triple(tag)


def archive(folder: Path, python: str, content: str) -> Path:
    path = folder / "cpython.tar.gz"
    members = {
        f"python/include/python{python}/Python.h": "/* headers */",
        f"python/include/python{python}/pyconfig.h": "#define FROM_THE_ARCHIVE 1\n",
        f"python/lib/python{python}/_sysconfigdata__darwin_darwin.py": content,
        "python/lib/../../../etc/include/python3.12/../evil.h": "",
    }
    with tarfile.open(path, "w:gz") as stream:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            stream.addfile(info, io.BytesIO(text.encode()))
    return path


DATA = 'build_time_vars = {"EXT_SUFFIX": ".cpython-312-darwin.so", "CFLAGS": "-I/their/include -O3", "VERSION": "3.12"}'


@pytest.mark.xdist_group("cross")
def test_an_archive_is_taken_as_it_is(tmp_path: Path, toolchain: Toolchain) -> None:
    given = str(archive(tmp_path, "3.12", DATA))
    place = toolchain(cross("macosx_11_0_arm64", "3.12", sdk=given)).place
    assert (place.root / "include/python3.12/pyconfig.h").read_text() == "#define FROM_THE_ARCHIVE 1\n"
    data = place.site / "_sysconfigdata__darwin_darwin.py"
    found = variables.parse(data.read_text(), "")
    assert found["CFLAGS"] == "-O3"
    assert found["CC"] == str(place.tools / "cc")
    assert not list(place.root.rglob("evil.h"))


@pytest.mark.parametrize(
    ("python", "content", "said"),
    [
        ("3.11", DATA, "it is for python3.11, not python3.12"),
        ("3.12", DATA.replace("312-darwin", "312-x86_64-linux-gnu"), "EXT_SUFFIX"),
        ("3.12", "import os; os.system('false')", "no build_time_vars"),
        ("3.12", "build_time_vars = {'A': __import__('os')}", "cannot be read"),
    ],
)
@pytest.mark.xdist_group("cross")
def test_an_archive_of_something_else(
    tmp_path: Path, toolchain: Toolchain, python: str, content: str, said: str
) -> None:
    given = str(archive(tmp_path, python, content))
    with pytest.raises(ToolError, match=said):
        toolchain(cross("macosx_11_0_arm64", "3.12", sdk=given))


def test_an_archive_that_is_not_the_one_that_was_promised(tmp_path: Path) -> None:
    given = cross("macosx_11_0_arm64", sdk=str(archive(tmp_path, "3.12", DATA)), sdk_sha256="0" * 64)
    with pytest.raises(ToolError, match="not " + "0" * 64):
        archives.find(given.build, Store(tmp_path / "store"))


def test_an_archive_that_rotted_in_the_store(tmp_path: Path) -> None:
    store, given = Store(tmp_path / "store"), archive(tmp_path, "3.12", DATA)
    digest = store.add_file(given)
    target = cross("macosx_11_0_arm64", sdk="https://example.org/python.tar.gz", sdk_sha256=digest)
    blob = store.path(digest)
    assert archives.find(target.build, store) == (blob, digest)
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(bytes(before.st_size + 1))
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(HashMismatchError, match=str(blob)):
        archives.find(target.build, store)
    assert [file.sha256 for file in archives.missing(target.build, store)] == [digest]  # the next run fetches it


FRAMEWORK = {
    "./Versions/3.12/include/python3.12/Python.h": b"/* headers */",
    "./Versions/3.12/include/python3.12/pyconfig.h": b"#define FROM_THE_PACKAGE 1\n",
    "./Versions/3.12/include/python3.12/../../evil.h": b"",
    "./Versions/3.12/include/python3.12/no\0name.h": b"",
    "./Versions/3.12/lib/python3.12/_sysconfigdata__darwin_darwin.py": DATA.encode(),
    "./Versions/3.12/Python": bytes(200_000),
}


@pytest.mark.parametrize("pack", [apple.compressed, lambda files: apple.pbzx(apple.cpio(files)), apple.cpio])
def test_an_installer_package(tmp_path: Path, pack: Callable[[Mapping[str, bytes]], bytes]) -> None:
    headers, given = archives.read(apple.package(tmp_path / "python.pkg", pack(FRAMEWORK)), "3.12")
    assert headers == {"Python.h": b"/* headers */", "pyconfig.h": b"#define FROM_THE_PACKAGE 1\n"}
    assert given["EXT_SUFFIX"] == ".cpython-312-darwin.so"


def test_an_installer_package_that_libarchive_wrote(tmp_path: Path) -> None:
    program = shutil.which("bsdtar")
    if program is None:
        pytest.skip("needs bsdtar (libarchive-tools)")
    for name, content in ((name, content) for name, content in FRAMEWORK.items() if "\0" not in name):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    payload = tmp_path / "parts" / "Python_Framework.pkg" / "Payload"
    payload.parent.mkdir(parents=True)
    (payload.parent / "PackageInfo").write_text("<pkg-info/>")
    command: list[str | Path] = [program, "--format", "odc", "-c", "-f", "-", "-C", tmp_path / "files", "."]
    payload.write_bytes(gzip.compress(subprocess.run(command, capture_output=True, check=True).stdout))
    packed, form = tmp_path / "python.pkg", ["--format", "xar", "--options", "xar:compression=none"]
    command = [program, *form, "-c", "-f", packed, "-C", tmp_path / "parts", "Python_Framework.pkg"]
    subprocess.run(command, check=True)
    headers, given = archives.read(packed, "3.12")
    assert set(headers) == {"Python.h", "pyconfig.h"}
    assert given["VERSION"] == "3.12"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (apple.xar("<xar><toc/></xar>", b""), "no headers or variables of python3.12"),
        (apple.xar("<xar><toc/></xar>", b"")[:40], "ends too early"),
        (apple.xar("<xar><toc/></xar>", b"", claimed=1 << 40), "not an installer package"),
        (apple.xar('<!DOCTYPE x [<!ENTITY a "aaaa">]><xar>&a;</xar>', b""), "has declarations"),
        (apple.xar("<xar>", b""), "table of contents is damaged"),
        (apple.xar(apple.contents({"a.pkg": (0, 1 << 40)}), b""), "lies outside of it"),
        (apple.xar(apple.contents({"a.pkg": (-1, 4)}), b"1234"), "has no offset"),
        (apple.xar(apple.contents({"a.pkg": (0, 4)}), b"1234"), "of an unknown kind"),
        (apple.xar(apple.contents({"a.pkg": (0, 200)}), b"070707" + b"-" * 194), "payload is damaged"),
        (apple.xar(apple.contents({"a.pkg": (0, 200)}), b"070707" + b"7" * 194), "payload is too big"),
        (
            apple.xar(apple.contents({"a.pkg": (0, 28)}), b"pbzx" + bytes(8) + struct.pack(">QQ", 1 << 40, 1 << 40)),
            "a piece of its payload is too big",
        ),
    ],
)
def test_an_installer_package_that_lies(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "python.pkg"
    path.write_bytes(content)
    with pytest.raises(ToolError, match=said):
        archives.read(path, "3.12")


def test_what_is_too_big_or_no_file_is_passed_over(tmp_path: Path) -> None:
    """Many zeros cost no memory; a link is no file."""
    files = {"./include/python3.12/big.h": bytes(64 << 20), "./include/python3.12/Python.h": b""}
    bomb = apple.package(tmp_path / "bomb.pkg", apple.compressed(files))
    tracemalloc.start()
    assert [name for name, _ in installer.files(bomb, lambda _: True, largest=1 << 20)] == [
        "./include/python3.12/Python.h"
    ]
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    link = apple.package(tmp_path / "link.pkg", apple.cpio({"./include/python3.12/Python.h": b"/etc"}, kind=0o120755))
    assert list(installer.files(link, lambda _: True, largest=1 << 20)) == []


ASK = """
import importlib.machinery, json, os, platform, sys, sysconfig, urllib.request
print(json.dumps([sys.platform, sysconfig.get_platform(), sysconfig.get_config_var("EXT_SUFFIX"), os.uname()[0],
                  platform.machine(), platform.mac_ver()[0], sysconfig.get_paths()["include"],
                  importlib.machinery.EXTENSION_SUFFIXES[0]]))
"""


@pytest.mark.parametrize("python", ["3.9", "3.12", "3.13"])
@pytest.mark.xdist_group("cross")
def test_the_machines_python_answers_as_the_targets(toolchain: Toolchain, tmp_path: Path, python: str) -> None:
    found = toolchain(cross("macosx_11_0_arm64", python))
    subprocess.run([found.python, "-I", "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(found.place.site)}
    command = [str(tmp_path / "env/bin/python"), "-c", ASK]
    said = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    suffix = f".cpython-{python.replace('.', '')}-darwin.so"
    assert said[:6] == ["darwin", "macosx-11.0-arm64", suffix, "Darwin", "arm64", "11.0"]
    assert said[6] == str(found.place.root / "include" / f"python{python}")
    assert said[7] == suffix
    # Isolated, as environments are made, and outside of them, it stays itself.
    isolated = subprocess.run([command[0], "-I", *command[1:]], env=environment, capture_output=True, check=True)
    assert json.loads(isolated.stdout)[0] == sys.platform
    outside = subprocess.run([found.python, *command[1:]], env=environment, capture_output=True, check=True)
    assert json.loads(outside.stdout)[0] == sys.platform


def test_whatever_a_cross_compiler_is_made_of_is_in_its_identity(toolchain: Toolchain, tmp_path: Path) -> None:
    assert f"rules {place.rules()}" in toolchain(cross("manylinux_2_28_x86_64")).identity
    copy = tmp_path / "zig"
    shutil.copytree(Path(place.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert place.rules(copy) == place.rules()
    known = {place.rules(copy)}
    for source in sorted(copy.glob("*.py")):
        source.write_text(source.read_text() + "# changed\n")
        assert place.rules(copy) not in known, source.name
        known.add(place.rules(copy))
