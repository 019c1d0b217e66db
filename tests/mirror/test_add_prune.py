from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.tags import compatible_tags, cpython_tags, parse_tag

from tests.support.packages import make_sdist, make_wheel
from tests.support.shop import Shop, folder
from wheelyard.domain.errors import ConfigError, WheelError
from wheelyard.domain.site import Site
from wheelyard.index import site_state
from wheelyard.mirror.add import add
from wheelyard.mirror.convert import convert
from wheelyard.mirror.prune import Rule, outdated, prune
from wheelyard.wheels.read import read


def test_added_files_stay_beside_a_targets_folder(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.publish(Site(folders=(folder("el9", [shop.entry("alpha")]),), documents={"install.py": b"pass\n"}))
    mine = make_wheel(tmp_path / "mine", "mine", "1.0", requires_python=">=3.8")
    source = make_sdist(tmp_path / "mine", "mine", "1.0", {"setup.py": ""})
    assert add([mine, source], store=shop.store, into=shop.into).added == 2
    assert add([mine], store=shop.store, into=shop.into).written == 0
    assert (shop.into / "targets/el9/alpha-1.0-py3-none-any.whl").is_file()
    assert (shop.into / "install.py").is_file()
    assert 'data-requires-python="&gt;=3.8"' in (shop.into / "simple/mine/index.html").read_text()
    other = make_wheel(tmp_path / "other", "mine", "1.0", files={"mine.py": "OTHER = 1\n"})
    with pytest.raises(WheelError, match="another file of this name"):
        add([other], store=shop.store, into=shop.into)


def egg(folder: Path) -> Path:
    path = folder / "oldie-1.0-py3.11.egg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("oldie.py", "VERSION = 1\n")
        archive.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: oldie\nVersion: 1.0\nSummary: old\n")
        archive.writestr("EGG-INFO/zip-safe", "\n")
    return path


def test_an_egg_becomes_a_wheel(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    add([egg(tmp_path)], store=shop.store, into=shop.into)
    assert [path.suffix for path in (shop.into / "files").iterdir() if path.name.endswith(".whl")] == [".whl"]
    assert (shop.into / "simple/oldie/index.html").is_file()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


INFO = {"EGG-INFO/PKG-INFO": b"Metadata-Version: 1.0\nName: oldie\nVersion: 1.0\nSummary: old\n"}
SO = b"\x7fELF" + bytes(60)
LINUX = "linux-x86_64.egg"


@pytest.mark.parametrize(
    ("name", "member", "tags"),
    [
        (f"oldie-1.0-py3.11-{LINUX}", "oldie.cpython-311-x86_64-linux-gnu.so", "cp311-cp311-linux_x86_64"),
        (f"oldie-1.0-py3.6-{LINUX}", "oldie.cpython-36m-x86_64-linux-gnu.so", "cp36-cp36m-linux_x86_64"),
        ("oldie-1.0-py3.7-win-amd64.egg", "oldie.pyd", "cp37-cp37m-win_amd64"),
        (f"oldie-1.0-py3.9-{LINUX}", "oldie.abi3.so", "cp39-abi3-linux_x86_64"),
        (f"oldie-1.0-py3.11-{LINUX}", "oldie.py", "py311-none-any"),
    ],
)
def test_an_eggs_tags_are_what_is_in_it(tmp_path: Path, name: str, member: str, tags: str) -> None:
    (tmp_path / "made").mkdir()
    content = b"" if member.endswith(".py") else SO
    made = convert(zipped(tmp_path / name, {member: content, **INFO}), tmp_path / "made")
    assert made.name == f"oldie-1.0-{tags}.whl"
    assert read(made, strict=True).name == "oldie"
    _, abi, platform = tags.split("-")
    version = (3, int(tags.partition("-")[0][3:]))
    taken = {*cpython_tags(version, [abi], [platform]), *compatible_tags(version, "cp", [platform])}
    assert taken & parse_tag(tags), "some pip takes it"


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("oldie-1.0-py3.11.egg", {"oldie.so": SO, **INFO}),
        (f"oldie-1.0-py2.7-{LINUX}", {"oldie.so": SO, **INFO}),
        ("oldie-1.0.win32-py3.6.exe", {"alone": b""}),
        ("oldie-1.0.win32-py3.6.exe", {"PLATLIB/oldie.py": b""}),
        ("oldie-1.0.win32.exe", {"PURELIB/..-1.0-py3.6.egg-info/PKG-INFO": b"x"}),
        ("-.egg", {"oldie.py": b"", **INFO}),
        ("oldie-new-py3.11.egg", {"oldie.py": b"", **INFO}),
        ("oldie-1.0-py3.11.egg", {"EGG-INFO/PKG-INFO": b"\xff\xfe"}),
    ],
)
def test_what_is_no_egg_and_no_installer_is_refused(tmp_path: Path, name: str, members: dict[str, bytes]) -> None:
    shop = Shop(tmp_path)
    with pytest.raises(WheelError):
        add([zipped(tmp_path / name, members)], store=shop.store, into=shop.into)
    assert not (shop.into / "files").exists()


def hostile_sdist(folder: Path) -> Path:
    path = folder / "evil-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("evil-1.0/PKG-INFO", "evil-1.0/../../escape"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


@pytest.mark.parametrize(
    ("name", "make", "error"),
    [
        ("missing", lambda folder: folder / "no-1.0.tar.gz", ConfigError),
        ("unknown", lambda folder: _write(folder / "notes.txt"), ConfigError),
        ("damaged wheel", lambda folder: _write(folder / "a-1.0-py3-none-any.whl"), WheelError),
        ("damaged sdist", lambda folder: _write(folder / "a-1.0.tar.gz"), WheelError),
        ("hostile sdist", hostile_sdist, WheelError),
        ("damaged egg", lambda folder: _write(folder / "a-1.0-py3.11.egg"), WheelError),
    ],
)
def test_what_cannot_be_added_changes_nothing(tmp_path: Path, name: str, make: object, error: type[Exception]) -> None:
    assert callable(make)
    shop = Shop(tmp_path)
    good = make_wheel(tmp_path / "good", "good", "1.0")
    with pytest.raises(error):
        add([good, make(tmp_path)], store=shop.store, into=shop.into)
    assert not (shop.into / "files").exists()


def _write(path: Path) -> Path:
    path.write_bytes(b"this is not an archive")
    return path


def test_prune_by_version_day_and_lock(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    entries = []
    for number, version in enumerate(["1.9", "1.10", "2.0"]):
        entry = shop.entry("alpha", version)
        entries.append(replace(entry, wheel=replace(entry.wheel, upload_time=f"202{number}-06-01T00:00:00Z")))
    in_folder = shop.entry("beta")
    shop.publish(Site(folders=(folder("el9", [in_folder]),), extra=tuple(entries)))
    site = site_state.load(shop.into)

    def names(rule: Rule) -> list[str]:
        return [entry.wheel.version for entry in outdated(site, rule)]

    assert names(Rule(newest=2)) == ["1.9"]
    assert names(Rule(newest=1)) == ["1.10", "1.9"]
    assert names(Rule(before="2021-06-01")) == ["1.9"]
    lock = tmp_path / "lock.txt"
    lock.write_text(f"alpha==1.10 --hash=sha256:{entries[1].wheel.sha256}\n")
    assert names(Rule(locks=(lock,))) == ["1.9", "2.0"]
    for wrong in (Rule(), Rule(before="yesterday"), Rule(locks=(tmp_path / "none",))):
        with pytest.raises(ConfigError):
            outdated(site, wrong)
    assert prune(Rule(newest=1), store=shop.store, into=shop.into).removed == 2
    assert sorted(path.name for path in (shop.into / "files").glob("*.whl")) == [
        "alpha-2.0-py3-none-any.whl",
        "beta-1.0-py3-none-any.whl",
    ]
