"""Locking, end to end: a local index, real resolvers, real builds where a backend has to be asked."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.index_server import IndexServer, content, status
from tests.support.locking import EL9, Place, versions
from tests.support.packages import make_sdist, make_wheel
from wheelyard.config.load import load
from wheelyard.config.model import Config
from wheelyard.domain.errors import (
    ConfigError,
    Failures,
    HashMismatchError,
    NoCandidateError,
    ResolutionError,
    WheelyardError,
)
from wheelyard.domain.events import Event, Warned
from wheelyard.lock.candidates import remote
from wheelyard.lock.indexes import Indexes
from wheelyard.lock.lock import read
from wheelyard.lock.why import reason

EL8 = '[[target]]\nname = "el8"\npython = "3.6"\nplatform = "manylinux_2_28_x86_64"\npip = "9.0.3"\n'


@pytest.fixture
def place(tmp_path: Path) -> object:
    (tmp_path / "files").mkdir()
    with IndexServer(tmp_path / "files", json=True) as server:
        yield Place(tmp_path, server)


def test_every_target_has_its_own_markers_and_files(place: Place) -> None:
    make_wheel(place.files, "app", "1.0", requires=["dataclasses; python_version < '3.7'", "fast[Ex_tra]"])
    make_wheel(place.files, "dataclasses", "0.8")
    make_wheel(place.files, "fast", "2.0", tag="cp39-cp39-manylinux_2_34_x86_64", extras=["Ex_tra"])
    make_wheel(place.files, "fast", "1.0", tag="cp36-cp36m-manylinux2014_x86_64", extras=["Ex_tra"])
    make_wheel(place.files, "pip", "21.3.1", requires_python=">=3.6")
    make_wheel(place.files, "pip", "24.0", requires_python=">=3.7")
    locks = place.lock(place.config("app\n", targets=EL9 + EL8))
    assert versions(locks["el9"]) == {"app": "1.0", "fast": "2.0"}
    assert versions(locks["el8"]) == {"app": "1.0", "fast": "1.0", "dataclasses": "0.8"}
    assert locks["el9"].pip is None
    carried = locks["el8"].pip
    assert carried is not None
    assert carried.version == "21.3.1"
    fast = next(package for package in locks["el9"].packages if package.name == "fast")
    assert fast.extras == ("Ex_tra",)
    assert fast.via == ("app",)
    for name, found in locks.items():
        assert read(load(place.root), name) == found
    text = (place.root / "requirements.el8.txt").read_text()
    assert "fast[Ex_tra]==1.0 \\\n    --hash=sha256:" in text


def test_a_lock_that_is_up_to_date_asks_nobody(place: Place) -> None:
    make_wheel(place.files, "a", "1.0")
    config = place.config("a\n")
    first = place.lock(config)
    asked = len(place.server.requests)
    make_wheel(place.files, "a", "2.0")
    assert place.lock(config) == first
    assert place.lock(place.config("# a comment\n\na\n")) == first
    assert len(place.server.requests) == asked
    lean = "import sys; from wheelyard.config.load import load; from pathlib import Path\n"
    lean += "from wheelyard.lock.lock import lock; from wheelyard.lock.indexes import Indexes\n"
    lean += "from wheelyard.stages.backends import Sandboxes; from wheelyard.store.blobs import Store\n"
    lean += "c = load(Path('.')); s = Store(Path('s')); i = Indexes(c, s)\n"
    lean += "from wheelyard.toolchain.find import Toolchains; t = Toolchains(c.build, s, None)\n"
    lean += "lock(c, client=i, store=s, backends=Sandboxes(c, s, i, t)); sys.exit('httpx' in sys.modules)\n"
    subprocess.run([sys.executable, "-c", lean], cwd=place.root, check=True)


def test_earlier_pins_stay_until_they_are_upgraded(place: Place) -> None:
    for name in ("a", "b"):
        make_wheel(place.files, name, "1.0")
    assert versions(place.lock(place.config("a\nb\n"))["el9"]) == {"a": "1.0", "b": "1.0"}
    for name in ("a", "b", "c"):
        make_wheel(place.files, name, "2.0")
    shutil.rmtree(place.store.root)
    config = place.config("a\nb\nc\n")
    assert versions(place.lock(config)["el9"]) == {"a": "1.0", "b": "1.0", "c": "2.0"}
    assert versions(place.lock(config, upgrade_packages=("B",))["el9"]) == {"a": "1.0", "b": "2.0", "c": "2.0"}
    assert versions(place.lock(config, upgrade=True)["el9"]) == {"a": "2.0", "b": "2.0", "c": "2.0"}
    with pytest.raises(ConfigError, match="no lock has a package named zz"):
        place.lock(config, upgrade_packages=("zz",))


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
def test_the_same_lock_from_both_resolvers(place: Place, resolver: str) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b>=1", "c[x]"])
    make_wheel(place.files, "b", "1.5")
    make_wheel(place.files, "c", "1.0", requires=["d ; extra == 'x'"], extras=["x"])
    make_wheel(place.files, "d", "1.0")
    found = place.lock(place.config("a\n", f'resolver = "{resolver}"'))["el9"]
    assert versions(found) == {"a": "1.0", "b": "1.5", "c": "1.0", "d": "1.0"}
    assert {package.name: package.via for package in found.packages} == {
        "a": ("-r demo.in",), "b": ("a",), "c": ("a",), "d": ("c",),
    }  # fmt: skip
    assert found.resolver == resolver


def test_the_written_files_are_taken_by_pip(place: Place, tmp_path: Path) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b"])
    make_wheel(place.files, "b", "1.0")
    place.lock(place.config("a\n", targets=""))
    text = next(place.root.glob("requirements.*.txt"))
    command = [sys.executable, "-m", "pip", "install", "--no-index", "-f", str(place.files), "--require-hashes"]
    subprocess.run(
        [*command, "--target", str(tmp_path / "t"), "-r", str(text), "-q", "--disable-pip-version-check"],
        check=True,
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null"},
    )
    assert (tmp_path / "t" / "b.py").exists()
    tampered = next(place.files.glob("b-*.whl"))
    tampered.write_bytes(tampered.read_bytes() + b" ")
    refused = subprocess.run(
        [*command, "--target", str(tmp_path / "u"), "-r", str(text), "-q"],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null"},
    )
    assert refused.returncode != 0
    assert b"DO NOT MATCH" in refused.stderr


def test_nothing_is_written_unless_every_target_is_locked(place: Place) -> None:
    make_wheel(place.files, "a", "1.0", tag="cp39-cp39-manylinux2014_x86_64")
    with pytest.raises(NoCandidateError, match="it has wheels for cp39; the target is cp36-cp36m; no sdist") as caught:
        place.lock(place.config("a\n", targets=EL9 + EL8))
    assert caught.value.where == "target el8"
    assert list(place.root.glob("pylock.*")) == []
    with pytest.raises(Failures) as both:
        place.lock(place.config("a\nnunpy\n", targets=EL9 + EL8))
    assert {error.where for error in both.value.errors} == {"target el8", "target el9"}


@pytest.mark.parametrize(
    ("requirements", "error", "words"),
    [
        ("nunpy\n", ResolutionError, "no index has a project named nunpy"),
        ("a\nb\n", ResolutionError, "c<2"),
        ("a==7\n", ResolutionError, "a==7"),
        ("old\n", NoCandidateError, "needs Python <3"),
    ],
    ids=["typo", "impossible", "no-such-version", "not-for-this-python"],
)
def test_what_cannot_be_locked_is_told_in_words(
    place: Place, requirements: str, error: type[WheelyardError], words: str
) -> None:
    make_wheel(place.files, "a", "1.0", requires=["c<2"])
    make_wheel(place.files, "b", "1.0", requires=["c>=2"])
    make_wheel(place.files, "c", "1.0")
    make_wheel(place.files, "c", "2.0")
    make_wheel(place.files, "old", "1.0", requires_python="<3")
    with pytest.raises(error) as caught:
        place.lock(place.config(requirements))
    assert words in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_name_that_is_bound_to_an_index_comes_from_there_only(place: Place, tmp_path: Path) -> None:
    make_wheel(place.files, "internal", "9.0")
    make_wheel(tmp_path / "own", "internal", "1.0")
    with IndexServer(tmp_path / "own") as own:
        more = f'[[index]]\nname = "own"\nurl = "{own.url}"\nexplicit = true\n'
        config = place.config("internal\n", targets=EL9 + more + '[packages.internal]\nindex = "own"\n')
        found = place.lock(config)["el9"]
    assert versions(found) == {"internal": "1.0"}
    assert found.packages[0].file.index == "own"


def test_hashes_of_the_requirements_choose_the_file(place: Place) -> None:
    make_wheel(place.files, "a", "2.0")
    wanted = make_wheel(place.files, "a", "1.0")
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    found = place.lock(place.config(f"a --hash=sha256:{digest}\n"))["el9"]
    assert found.packages[0].file.sha256 == digest
    with pytest.raises(NoCandidateError, match="no file has a hash that the requirements allow"):
        place.lock(place.config(f"a --hash=sha256:{'0' * 64}\n"))


def test_a_hash_of_another_kind_is_compared_with_the_bytes(place: Place) -> None:
    wheel = make_wheel(place.files, "a", "1.0")
    digest = hashlib.sha512(wheel.read_bytes()).hexdigest()
    found = place.lock(place.config(f"a --hash=sha512:{digest}\n"))["el9"]
    assert found.packages[0].file.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
    with pytest.raises(HashMismatchError, match="none of the hashes that the requirements allow"):
        place.lock(place.config(f"a --hash=sha512:{'0' * 128}\n"))
    place.server.hashes = False  # the lock learns the hash from the bytes: they are compared as well
    with pytest.raises(HashMismatchError, match="none of the hashes that the requirements allow"):
        place.lock(place.config(f"a --hash=sha256:{'0' * 64}\n"))


def test_an_index_without_hashes_is_asked_for_the_file(place: Place) -> None:
    wheel = make_wheel(place.files, "a", "1.0")
    place.server.hashes = False
    found = place.lock(place.config("a\n"))["el9"].packages[0]
    assert place.store.path(found.file.sha256).read_bytes() == wheel.read_bytes()


def test_files_that_are_required_directly(place: Place) -> None:
    make_wheel(place.files, "b", "1.0")
    make_wheel(place.root / "mine", "a", "1.0+own", requires=["b", "c ; extra == 'x'"], extras=["x"])
    make_wheel(place.files, "c", "1.0")
    make_wheel(place.files, "a", "5.0")
    config = place.config("./mine/a-1.0+own-py3-none-any.whl\n")
    found = place.lock(config)["el9"]
    assert versions(found) == {"a": "1.0+own", "b": "1.0"}
    assert found.packages[0].file.path == "mine/a-1.0+own-py3-none-any.whl"
    assert found.packages[0].file.url is None
    url = f"{place.server.base}/files/c-1.0-py3-none-any.whl"
    found = place.lock(
        place.config(f"a[x] @ {(place.root / 'mine').as_uri()}/a-1.0+own-py3-none-any.whl\nc @ {url}\n")
    )["el9"]
    assert versions(found) == {"a": "1.0+own", "b": "1.0", "c": "1.0"}
    assert next(package for package in found.packages if package.name == "c").file.url == url
    with pytest.raises(HashMismatchError):
        place.lock(place.config(f"c @ {url} --hash=sha256:{'0' * 64}\n"))


def test_prefer_binary_takes_what_need_not_be_built(place: Place) -> None:
    make_wheel(place.files, "a", "1.0")
    make_sdist(place.files, "a", "2.0", {"setup.py": "raise SystemExit('never run')"})
    assert versions(place.lock(place.config("--prefer-binary\na\n"))["el9"]) == {"a": "1.0"}


def test_why_goes_back_to_the_users_line(place: Place) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b"])
    make_wheel(place.files, "b", "1.0", requires=["c"])
    make_wheel(place.files, "c", "1.0", requires=["a"])
    config = place.config("\na>=1\n")
    told = reason("C", place.lock(config)["el9"], config)
    assert told is not None
    assert told.chains == (("b 1.0", "a 1.0", "demo.in:2: a>=1"),)
    assert reason("zz", place.lock(config)["el9"], config) is None


def test_a_lock_of_somebody_else_is_not_overwritten(place: Place) -> None:
    make_wheel(place.files, "a", "1.0")
    theirs = "lock-version = '1.0'\ncreated-by = 'x'\npackages = []\n"
    (place.root / "pylock.el9.toml").write_text(theirs)
    with pytest.raises(ConfigError, match="not a lock that wheelyard wrote"):
        place.lock(place.config("a\n"))
    assert (place.root / "pylock.el9.toml").read_text() == theirs


def test_a_name_that_two_indexes_have_is_refused_until_it_is_bound(place: Place, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    make_wheel(place.files, "ours", "1.0", requires=["helper"])
    make_wheel(place.files, "helper", "1.0")
    make_wheel(tmp_path / "public", "helper", "99.0")
    with IndexServer(tmp_path / "public", json=True) as public:
        second = f'[[index]]\nname = "public"\nurl = "{public.url}"\n'

        def with_index(more: str, *, first: str = "") -> Config:
            config = place.config("ours\n", first)
            config.path.write_text(config.path.read_text() + second + more)
            return load(config.path)

        with pytest.raises(ConfigError, match="both main and public have a project of this name"):
            place.lock(with_index(""))
        assert not list(place.root.glob("pylock.*")), "nothing is written"
        bound = place.lock(with_index('[packages.helper]\nindex = "main"\n'))["el9"]
        assert versions(bound) == {"ours": "1.0", "helper": "1.0"}
        first = place.lock(with_index("", first='index-strategy = "first-index"'), upgrade=True)["el9"]
        assert versions(first) == {"ours": "1.0", "helper": "1.0"}
        assert versions(place.lock(with_index('mirror-of = "main"\n'), upgrade=True)["el9"])["helper"] == "99.0"


def test_a_name_that_nothing_has_is_told_with_the_one_that_was_meant(place: Place) -> None:
    make_wheel(place.files, "markupsafe", "1.0")
    told: list[Event] = []
    place.lock(
        place.config(
            "markupsafe\n", 'no-binary = ["markupsave"]\nonly-binary = [":all:"]\n[packages.six]\nimports = []\n'
        ),
        report=told.append,
    )
    assert [each.message for each in told if isinstance(each, Warned)] == [
        "wheelyard.toml: no-binary: nothing in a lock is named markupsave; did you mean markupsafe?",
        "wheelyard.toml: [packages.six]: nothing in a lock is named six",
    ]


def test_a_name_that_an_index_has_copies_of_is_taken(place: Place, tmp_path: Path) -> None:
    """A folder of some of an index's own files is no other project; one more file than the index has, and it is."""
    (tmp_path / "copies").mkdir()
    wheel = make_wheel(place.files, "ours", "1.0")
    make_wheel(place.files, "ours", "2.0")
    shutil.copy(wheel, tmp_path / "copies")
    with IndexServer(tmp_path / "copies", json=True) as copies:
        config = place.config("ours\n")
        config.path.write_text(f'{config.path.read_text()}[[index]]\nname = "copies"\nurl = "{copies.url}"\n')
        assert versions(place.lock(load(config.path))["el9"]) == {"ours": "2.0"}
        make_wheel(tmp_path / "copies", "ours", "99.0")
        with pytest.raises(ConfigError, match="both main and copies have a project of this name"):
            place.lock(load(config.path), upgrade=True)


def test_what_is_signed_for_us_is_fetched_but_not_written(place: Place) -> None:
    """Links with a token (signed URLs of an object store): of a page, and of a requirement."""
    a, b = make_wheel(place.files, "a", "1.0"), make_wheel(place.root / "apart", "b", "1.0")
    page = f'<a href="/signed/{a.name}?X-Amz-Signature=s3cr3t">{a.name}</a>'.encode()
    place.server.fault("/simple/a/", content(page, "text/html"))
    place.server.fault(r"/signed/[^?]*$", status(403))
    for wheel in (a, b):
        place.server.fault(rf"/signed/{wheel.name}\?[^?]*=s3cr3t$", content(wheel.read_bytes()))
    config = place.config(f"a\nb @ {place.server.base}/signed/{b.name}?token=s3cr3t\n")
    found = place.lock(config)["el9"]
    assert versions(found) == {"a": "1.0", "b": "1.0"}
    for path in place.root.glob("*.el9.*"):
        assert "s3cr3t" not in path.read_text()
    shutil.rmtree(place.store.root)
    assert place.lock(config)["el9"] == found
    with Indexes(config, place.store) as indexes:
        indexes.fetch([remote(package.file, config.root) for package in found.packages])
    assert all(place.store.has(package.file.sha256) for package in found.packages)


def test_what_is_missing_or_changed_is_written_again_and_told(place: Place) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(place.files, "a", version)
    config = place.config("a<2\n")
    first = place.lock(config)
    text, toml = place.root / "requirements.el9.txt", place.root / "pylock.el9.toml"
    written, locked = text.read_text(), toml.read_text()
    asked = len(place.server.requests)

    def again() -> list[str]:
        told: list[Event] = []
        assert place.lock(config, report=told.append) == first
        assert (text.read_text(), toml.read_text()) == (written, locked)
        return [event.message for event in told if isinstance(event, Warned)]

    assert again() == []
    text.unlink()
    assert again() == ["requirements.el9.txt was missing or changed: it is written again, as locked"]
    text.write_text(written.replace("==1.0", "==2.0"))
    assert again() == ["requirements.el9.txt was missing or changed: it is written again, as locked"]
    toml.write_text(locked + "# a comment\n")
    assert again() == ["pylock.el9.toml was missing or changed: it is written again, as locked"]
    assert len(place.server.requests) == asked, "nobody was asked"
    wrong = first["el9"].packages[0].file.sha256
    toml.write_text(locked.replace(wrong, "0" * 64))
    (warning,) = again()
    assert "pylock.el9.toml is not what was locked" in warning


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
def test_what_is_odd_is_told_once(place: Place, resolver: str) -> None:
    make_wheel(place.files, "a", "1.0", requires=["b[nope]"], extras=["security"])
    make_wheel(place.files, "b", "1.0")
    place.server.yanked = {"b-1.0-py3-none-any.whl": "is broken"}
    told: list[Event] = []
    config = place.config(
        "a[sekurity]\nb==1.0\n", f'resolver = "{resolver}"', targets=EL9 + EL9.replace("el9", "other")
    )
    place.lock(config, report=told.append)
    assert sorted(event.message for event in told if isinstance(event, Warned)) == [
        "a 1.0 has no extra 'sekurity' (wanted by demo.in): did you mean 'security'?",
        "b 1.0 has no extra 'nope' (wanted by demo.in, a 1.0): it has no extras",
        "b 1.0 is yanked upstream, but pinned: is broken",
    ]
