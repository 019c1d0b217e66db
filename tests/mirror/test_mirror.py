from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.support.index_server import IndexServer, content, status
from tests.support.installers import CLIENTS, install, installed
from tests.support.packages import make_sdist, make_wheel
from tests.support.page_reading import faults
from wheelyard.domain.errors import HashMismatchError, NoCandidateError, UpstreamError, WheelError
from wheelyard.domain.index import IndexSource
from wheelyard.index import site_state
from wheelyard.io.http import Http, HttpSettings
from wheelyard.mirror.model import Mirrored, Wish
from wheelyard.mirror.stage import VANISHED, mirror
from wheelyard.store.blobs import Store
from wheelyard.targets import presets
from wheelyard.upstream.client import Client
from wheelyard.upstream.credentials import KnownCredentials
from wheelyard.upstream.pip_config import PipSettings

HASTY = HttpSettings(retries=1, backoff=0.01)


class Mirror:
    """A mirror of a local index."""

    def __init__(self, root: Path, server: IndexServer) -> None:
        self.upstream, self.server = root / "upstream", server
        self.store, self.into = Store(root / "store"), root / "mirror"

    def run(self, *projects: str, **options: Any) -> Mirrored:
        """Mirror once, with a client that remembers nothing but the store."""
        wish = Wish(projects=tuple(map(Requirement, projects)), **options)
        self.server.requests.clear()
        http = Http(HASTY, KnownCredentials(keyring=False))
        settings = PipSettings(indexes=())
        with Client(
            self.store, (IndexSource(name="main", url=self.server.url),), settings=settings, http=http
        ) as client:
            return mirror(wish, client=client, store=self.store, into=self.into)

    def files(self) -> list[str]:
        """Return the distributions in the pool."""
        return sorted(p.name for p in (self.into / "files").iterdir() if p.name.endswith((".whl", ".gz")))


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Mirror]:
    folder = tmp_path / "upstream"
    for version in ("1.0", "1.1", "2.0", "3.0rc1"):
        make_wheel(folder, "demo", version, requires=["other>=2", "extra-only; extra == 'x'"])
    make_wheel(folder, "demo", "2.0", tag="cp39-cp39-manylinux_2_17_x86_64")
    make_wheel(folder, "demo", "2.0", tag="cp39-cp39-macosx_11_0_arm64")
    make_wheel(folder, "new-python", "1.0", requires_python=">=3.12")
    make_sdist(folder, "demo", "2.0", {"setup.py": ""})
    make_sdist(folder, "only-source", "1.0", {"setup.py": ""})
    for version in ("1.0", "2.0", "2.1"):
        make_wheel(folder, "other", version)
    with IndexServer(folder, json=True) as server:
        yield Mirror(tmp_path, server)


def test_a_mirror_installs_and_the_second_run_fetches_nothing(mirrored: Mirror, tmp_path: Path) -> None:
    first = mirrored.run("demo<2", "other")
    assert first.failures == ()
    assert mirrored.files() == sorted(first.added) == [
        "demo-1.0-py3-none-any.whl",
        "demo-1.1-py3-none-any.whl",
        "other-1.0-py3-none-any.whl",
        "other-2.0-py3-none-any.whl",
        "other-2.1-py3-none-any.whl",
    ]  # fmt: skip
    assert not faults(mirrored.into)
    before = {path: path.stat().st_mtime_ns for path in mirrored.into.rglob("*") if path.name[0] != "."}
    second = mirrored.run("demo<2", "other")
    assert (second.added, second.unchanged, second.failures) == ((), 5, ())
    assert mirrored.server.paths("/files/") == []
    assert {path: path.stat().st_mtime_ns for path in mirrored.into.rglob("*") if path.name[0] != "."} == before
    done = install(CLIENTS[4], tmp_path / "t", "--index-url", (mirrored.into / "simple").as_uri(), "demo")
    assert done.returncode == 0, done.stdout
    assert installed(tmp_path / "t") == {"demo-1.1", "other-2.1"}


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({"newest": 1, "targets": (presets.target("el9"),)},
         ["demo-2.0-cp39-cp39-manylinux_2_17_x86_64.whl", "demo-2.0-py3-none-any.whl"]),
        ({"newest": 1, "prereleases": True}, ["demo-3.0rc1-py3-none-any.whl"]),
        ({"newest": 2, "targets": (presets.target("el9"),), "sdists": "all"},
         ["demo-1.1-py3-none-any.whl", "demo-2.0-cp39-cp39-manylinux_2_17_x86_64.whl", "demo-2.0-py3-none-any.whl",
          "demo-2.0.tar.gz"]),
        ({"newest": 1, "sdists": "missing", "targets": (presets.target("macos-arm64"),)},
         ["demo-2.0-py3-none-any.whl"]),
    ],
)  # fmt: skip
def test_what_is_wished_for(mirrored: Mirror, options: dict[str, Any], files: list[str]) -> None:
    assert mirrored.run("demo", **options).failures == ()
    assert mirrored.files() == files


def test_the_newest_versions_are_counted_for_each_target(mirrored: Mirror) -> None:
    for version, tag in (("5.0", "cp39-cp39-manylinux_2_17_x86_64"), ("6.0", "cp312-cp312-manylinux_2_17_x86_64")):
        make_wheel(mirrored.upstream, "fast", version, tag=tag)
    mirrored.run("fast", newest=1, targets=(presets.target("el9"), presets.target("el10")))
    assert mirrored.files() == [
        "fast-5.0-cp39-cp39-manylinux_2_17_x86_64.whl",
        "fast-6.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    ]


def test_sdists_where_there_is_no_wheel_and_requires_python(mirrored: Mirror) -> None:
    mirrored.run("only-source", sdists="missing")
    assert mirrored.files() == ["only_source-1.0.tar.gz"]
    done = mirrored.run("new-python", targets=(presets.target("el9"),))
    assert [type(failure) for failure in done.failures] == [NoCandidateError]


def test_an_sdist_that_is_hostile_is_left_out(mirrored: Mirror) -> None:
    make_sdist(mirrored.upstream, "evil", "1.0", {"../../evil": "x"})
    (mirrored.upstream / "garbage-1.0.tar.gz").write_bytes(b"this is not an archive")
    done = mirrored.run("evil", "garbage", "only-source", sdists="all")
    assert mirrored.files() == ["only_source-1.0.tar.gz"]
    assert [type(failure) for failure in done.failures] == [WheelError, WheelError]
    said = " ".join(map(str, done.failures))
    assert "leads out of the archive: 'evil-1.0/../../evil'" in said
    assert "garbage-1.0.tar.gz: is not a whole archive" in said


def test_dependencies_come_along_but_not_those_of_extras_nobody_asked_for(mirrored: Mirror) -> None:
    done = mirrored.run("demo", newest=1, dependencies=True)
    assert done.failures == ()
    assert "other-2.1-py3-none-any.whl" in mirrored.files()
    assert "other-1.0-py3-none-any.whl" not in mirrored.files()
    make_wheel(mirrored.upstream, "extra-only", "1.0")
    mirrored.run("demo[x]", newest=1, dependencies=True)
    assert "extra_only-1.0-py3-none-any.whl" in mirrored.files()


@pytest.mark.parametrize("policy", ["keep", "mark", "drop"])
def test_a_project_that_vanished_upstream_is_handled_by_policy(mirrored: Mirror, policy: Any) -> None:
    mirrored.run("other", "demo<2")
    for path in mirrored.upstream.glob("other-*"):
        path.unlink()
    done = mirrored.run("other", "demo<2", removed=policy)
    assert len(done.vanished) == 3
    assert done.failures == ()
    others = [entry.wheel for entry in site_state.load(mirrored.into).extra if entry.wheel.name == "other"]
    assert [wheel.yanked for wheel in others] == {"keep": [None] * 3, "mark": [VANISHED] * 3, "drop": []}[policy]
    assert len([name for name in mirrored.files() if name.startswith("other")]) == (0 if policy == "drop" else 3)


def test_yanks_are_followed_both_ways(mirrored: Mirror) -> None:
    mirrored.run("other")
    mirrored.server.yanked = {"other-2.1-py3-none-any.whl": 'broken, see <a href="x">'}
    done = mirrored.run("other")
    assert (done.marked, done.added) == (("other-2.1-py3-none-any.whl",), ())
    assert 'data-yanked="broken, see &lt;a' in (mirrored.into / "simple/other/index.html").read_text()
    mirrored.server.yanked = {}
    assert mirrored.run("other").unmarked == ("other-2.1-py3-none-any.whl",)


def test_an_index_that_is_down_takes_nothing_away(mirrored: Mirror) -> None:
    mirrored.run("other", "demo<2")
    before = mirrored.files()
    mirrored.server.fault("/simple/other", status(503))
    done = mirrored.run("other", "demo<2", removed="drop")
    assert len(done.failures) == 1
    assert isinstance(done.failures[0], UpstreamError)
    assert mirrored.files() == before
    assert done.vanished == ()


def test_a_file_that_cannot_be_had_is_told_and_the_rest_is_published(mirrored: Mirror) -> None:
    mirrored.server.fault(r"/files/.*other-2\.1-py3-none-any\.whl$", status(404))
    mirrored.server.fault(r"/files/.*other-2\.0-py3-none-any\.whl$", content(b"something else"))
    done = mirrored.run("other")
    assert {type(failure) for failure in done.failures} == {UpstreamError, HashMismatchError}
    assert mirrored.files() == ["other-1.0-py3-none-any.whl"]
    assert not faults(mirrored.into)


def test_a_damaged_wheel_is_named_and_not_published(mirrored: Mirror) -> None:
    (mirrored.upstream / "other-3.0-py3-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18))
    done = mirrored.run("other")
    assert [type(failure) for failure in done.failures] == [WheelError]
    assert "other-3.0-py3-none-any.whl" not in mirrored.files()
    assert "other-2.1-py3-none-any.whl" in mirrored.files()


def test_a_file_that_changed_upstream_never_replaces_ours(mirrored: Mirror) -> None:
    mirrored.run("other")
    ours = (mirrored.into / "files/other-1.0-py3-none-any.whl").read_bytes()
    make_wheel(mirrored.upstream, "other", "1.0", files={"other.py": "EVIL = 1\n"})
    os.utime(mirrored.upstream / "other-1.0-py3-none-any.whl")
    done = mirrored.run("other")
    assert [type(failure) for failure in done.failures] == [HashMismatchError]
    assert (mirrored.into / "files/other-1.0-py3-none-any.whl").read_bytes() == ours
