"""The client of several indexes, against real servers."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import index_server
from tests.support.index_server import IndexServer
from tests.support.packages import make_wheel
from tests.support.upstream_clients import MakeClient
from wheelyard.domain.errors import ConfigError, HashMismatchError, UpstreamError, WheelError
from wheelyard.domain.events import Event, Warned
from wheelyard.domain.index import IndexSource
from wheelyard.domain.remote import RemoteFile
from wheelyard.io.files import sha256
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client

WHEEL = "demo_pkg-1.0-py3-none-any.whl"
SDIST = "demo_pkg-1.0.tar.gz"


@pytest.fixture(params=[False, True], ids=["html", "json"])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[IndexServer]:
    with IndexServer(folder, json=request.param, yanked={SDIST: "broken"}) as running:
        yield running


def file_of(client: Client, filename: str = WHEEL) -> RemoteFile:
    return next(file for file in client.project("demo-pkg").files if file.filename == filename)


def test_what_a_page_says(server: IndexServer, connect: MakeClient) -> None:
    page = connect(server).project("Demo.Pkg")
    assert page.name == "demo-pkg"
    files = {file.filename: file for file in page.files}
    assert set(files) == {path.name for path in server.folder.iterdir()}
    wheel = files[WHEEL]
    assert wheel.sha256 == hashlib.sha256((server.folder / WHEEL).read_bytes()).hexdigest()
    assert wheel.url == f"{server.base}/files/{WHEEL}"
    assert wheel.requires_python == ">=3.8"
    assert wheel.metadata_sha256
    assert wheel.index == "index-0"
    assert files[SDIST].yanked == "broken"
    assert wheel.yanked is None


def test_an_unknown_project_has_no_files(server: IndexServer, connect: MakeClient) -> None:
    assert connect(server).project("nobody").files == ()


def test_pages_are_asked_for_once_a_process_and_then_revalidated(server: IndexServer, connect: MakeClient) -> None:
    client = connect(server)
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(client.project, ["demo-pkg"] * 20))
    client.prefetch(["Demo_Pkg", "demo-pkg"])
    assert len(server.paths("/simple/demo-pkg/")) == 1
    second = connect(server).project("demo-pkg")
    assert second == pages[0]
    assert "if-none-match" in server.requests[-1].headers
    make_wheel(server.folder, "demo-pkg", "3.0")
    assert len(connect(server).project("demo-pkg").files) == len(second.files) + 1


def test_a_damaged_cache_is_as_good_as_none(server: IndexServer, connect: MakeClient, store: Store) -> None:
    files = connect(server).project("demo-pkg").files
    for path in store.area("pages").rglob("*.json"):
        path.write_text('{"etag": "x", "files": [["a"]]}')
    assert connect(server).project("demo-pkg").files == files


def test_a_failure_is_not_remembered(server: IndexServer, connect: MakeClient) -> None:
    client = connect(server)
    server.fault("simple", index_server.status(403), times=1)
    with pytest.raises(UpstreamError):
        client.project("demo-pkg")
    assert client.project("demo-pkg").files


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another index's folder: the same project, a newer version of it."""
    other = tmp_path / "other"
    make_wheel(other, "demo-pkg", "1.0", requires=["evil"])
    make_wheel(other, "demo-pkg", "9.0")
    make_wheel(other, "only-here", "1.0")
    return other


def test_a_name_that_two_indexes_have_is_refused(folder: Path, other: Path, connect: MakeClient) -> None:
    with IndexServer(folder) as first, IndexServer(other) as second:
        client = connect(first, second)
        for _ in range(2):
            with pytest.raises(ConfigError, match="both index-0 and index-1 have a project of this name") as caught:
                client.project("Demo_Pkg")
        assert caught.value.where == "demo-pkg"
        assert '[packages.demo-pkg] index = "index-0"' in str(caught.value.hint)
        assert client.project("only-here").files
        bound = connect(first, second, bound={"demo-pkg": "index-1"})
        assert {file.index for file in bound.project("demo-pkg").files} == {"index-1"}
        assert client.project("demo-pkg", index="index-0").files
        again = IndexSource(name="again", url=first.url.rstrip("/"))
        assert connect(first, again).project("demo-pkg").files, "the same index, named twice"


def test_the_first_index_wins_where_that_is_asked_for(folder: Path, other: Path, connect: MakeClient) -> None:
    with IndexServer(folder) as first, IndexServer(other) as second:
        client = connect(first, second, strategy="first-index")
        assert {file.index for file in client.project("demo-pkg").files} == {"index-0"}
        assert {file.index for file in client.project("only-here").files} == {"index-1"}
        assert second.paths("demo-pkg") == [], "whoever owns the other one does not even learn the name"


def test_of_an_index_and_its_mirror_the_first_one_wins(
    folder: Path, other: Path, connect: MakeClient, events: list[Event]
) -> None:
    with IndexServer(folder) as first, IndexServer(other) as second:
        client = connect(first, IndexSource(name="index-1", url=second.url, mirror_of="index-0"))
        files = {file.filename: file for file in client.project("demo-pkg").files}
        assert files[WHEEL].index == "index-0"
        assert files["demo_pkg-9.0-py3-none-any.whl"].index == "index-1"
        (warning,) = [event for event in events if isinstance(event, Warned)]
        assert WHEEL in warning.message


def test_a_bound_name_is_never_looked_up_elsewhere(folder: Path, tmp_path: Path, connect: MakeClient) -> None:
    (tmp_path / "private").mkdir()
    with IndexServer(folder) as public, IndexServer(tmp_path / "private") as private:
        client = connect(public, IndexSource(name="private", url=private.url, explicit=True))
        assert client.project("demo-pkg", index="private").files == ()
        assert public.requests == []
        assert client.project("demo-pkg").files
        assert len(private.requests) == 1
        with pytest.raises(ConfigError, match="no index named"):
            client.project("demo-pkg", index="prviate")


def test_an_index_that_is_down_is_an_error_not_an_empty_page(folder: Path, connect: MakeClient) -> None:
    with IndexServer(folder) as up, IndexServer(folder) as down:
        down.fault("simple", index_server.status(500))
        with pytest.raises(UpstreamError, match="500"):
            connect(up, down).project("demo-pkg")


def test_an_object_store_says_no_where_it_means_none(server: IndexServer, connect: MakeClient) -> None:
    body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    server.fault("nobody", index_server.status(403, headers={"content-type": "application/xml"}, body=body))
    server.fault("private", index_server.status(403))
    client = connect(server)
    assert client.project("nobody").files == ()
    with pytest.raises(UpstreamError, match="403"):
        client.project("private")


def test_something_else_than_a_page_of_links_is_an_error(server: IndexServer, connect: MakeClient) -> None:
    server.fault("simple", index_server.content(b"\x89PNG", "image/png"))
    with pytest.raises(UpstreamError, match="image/png"):
        connect(server).project("demo-pkg")


def test_a_folder_and_a_page_of_links(folder: Path, connect: MakeClient, tmp_path: Path) -> None:
    page = tmp_path / "links.html"
    page.write_text(f'<a href="upstream/{WHEEL}">x</a><a href="upstream/other-1.0.tar.gz">y</a>')
    for url in (str(folder), folder.as_uri()):
        files = connect(IndexSource(name="links", url=url, kind="find-links")).project("demo-pkg").files
        assert {file.filename for file in files} == {path.name for path in folder.iterdir()}
        assert all(file.sha256 == hashlib.sha256((folder / file.filename).read_bytes()).hexdigest() for file in files)
    client = connect(IndexSource(name="links", url=page.as_uri(), kind="find-links"))
    (file,) = client.project("demo-pkg").files
    assert file.url == (folder / WHEEL).as_uri()
    assert b"Requires-Dist: other>=2" in client.metadata(file)


def test_a_remote_page_of_links_is_asked_for_once(server: IndexServer, connect: MakeClient) -> None:
    page = f'<a href="/files/{WHEEL}">x</a><a href="/files/other-pkg-1.0.tar.gz">y</a>'
    server.fault("links", index_server.content(page.encode(), "text/html"))
    client = connect(IndexSource(name="links", url=f"{server.base}/links", kind="find-links"))
    assert [file.filename for file in client.project("demo-pkg").files] == [WHEEL]
    assert [file.filename for file in client.project("other-pkg").files] == ["other-pkg-1.0.tar.gz"]
    assert [file.filename for file in client.project("other").files] == []
    assert len(server.requests) == 1


def test_a_local_index_lacks_most_projects(folder: Path, connect: MakeClient, tmp_path: Path) -> None:
    simple = tmp_path / "simple"
    (simple / "demo-pkg").mkdir(parents=True)
    (simple / "demo-pkg" / "index.html").write_text(f'<a href="../../upstream/{WHEEL}">x</a>')
    assert connect(IndexSource(name="local", url=str(simple))).project("demo-pkg").files
    client = connect(IndexSource(name="local", url=simple.as_uri()))
    assert [file.filename for file in client.project("demo-pkg").files] == [WHEEL]
    assert client.project("numpy").files == ()


def test_metadata_by_pep_658(server: IndexServer, connect: MakeClient) -> None:
    client = connect(server)
    assert b"Requires-Dist: other>=2" in client.metadata(file_of(client))
    assert server.paths("/files/") == [f"/files/{WHEEL}.metadata"]
    count = len(server.requests)
    again = connect(server)
    page = file_of(client)
    assert b"Requires-Dist: other>=2" in again.metadata(page)
    assert len(server.requests) == count


def test_many_at_once(server: IndexServer, connect: MakeClient) -> None:
    client = connect(server)
    wheels = [file for file in client.project("demo-pkg").files if file.is_wheel]
    client.prefetch_metadata(wheels)
    count = len(server.requests)
    assert [b"Name: demo-pkg" in client.metadata(file) for file in wheels] == [True, True]
    assert len(server.requests) == count


def test_metadata_that_is_not_what_was_promised(server: IndexServer, connect: MakeClient) -> None:
    client = connect(server)
    server.fault(r"\.metadata", index_server.content(b"Name: evil\n"))
    with pytest.raises(HashMismatchError, match=WHEEL):
        client.metadata(file_of(client))


def test_metadata_by_ranges_out_of_a_large_wheel(tmp_path: Path, connect: MakeClient) -> None:
    folder = tmp_path / "large"
    wheel = make_wheel(folder, "demo-pkg", "1.0", requires=["other>=2"])
    _enlarge(wheel, before=2 << 20, after=300 << 10)
    with IndexServer(folder, metadata=False) as server:
        client = connect(server)
        assert b"Requires-Dist: other>=2" in client.metadata(file_of(client))
        asked = [request.headers["range"] for request in server.requests if "/files/" in request.path]
        assert asked[0].startswith("bytes=-")
        assert len(asked) == 2


def _enlarge(wheel: Path, *, before: int, after: int) -> None:
    """Put incompressible members around the METADATA, so that it is not in the last bytes."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("first.bin", bytes(before))
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("last.bin", bytes(after))


def test_metadata_where_ranges_are_not_served(folder: Path, connect: MakeClient, store: Store) -> None:
    with IndexServer(folder, metadata=False, ranges=False) as server:
        client = connect(server)
        file = file_of(client)
        assert b"Requires-Dist: other>=2" in client.metadata(file)
        assert file.sha256 is not None
        assert sha256(store.path(file.sha256)) == file.sha256


def test_metadata_of_a_changed_file_is_refused(folder: Path, connect: MakeClient) -> None:
    with IndexServer(folder, json=True, metadata=False) as server:
        client = connect(server)
        file = file_of(client)
        other = make_wheel(folder.parent / "evil", "demo-pkg", "1.0", requires=["evil"])
        server.fault("files", index_server.content(other.read_bytes()))
        with pytest.raises((HashMismatchError, UpstreamError)):
            client.metadata(file)


def test_a_server_that_lies_about_ranges(tmp_path: Path, connect: MakeClient) -> None:
    folder = tmp_path / "large"
    _enlarge(make_wheel(folder, "demo-pkg", "1.0"), before=1 << 20, after=300 << 10)

    def lie(handler: index_server.Handler) -> None:
        handler.answer(206, b"x" * 100, {"content-range": "bytes 0-99/100"})

    with IndexServer(folder, metadata=False) as server:
        client = connect(server)
        server.fault("files", lie)
        with pytest.raises((UpstreamError, WheelError)):
            client.metadata(file_of(client))


def test_a_file_that_is_no_wheel(folder: Path, connect: MakeClient) -> None:
    (folder / WHEEL).write_bytes(b"no zip at all" * 100)
    with IndexServer(folder, metadata=False) as server:
        client = connect(server)
        with pytest.raises(WheelError, match=WHEEL):
            client.metadata(file_of(client))


def test_a_wheel_that_promises_an_absurd_metadata(folder: Path, connect: MakeClient) -> None:
    with zipfile.ZipFile(folder / WHEEL, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo_pkg-1.0.dist-info/METADATA", bytes(20 << 20))
    with IndexServer(folder, metadata=False) as server:
        client = connect(server)
        with pytest.raises(WheelError, match="large"):
            client.metadata(file_of(client))


def test_a_user_name_in_the_address_of_an_index(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelyard.upstream.pip_config import PipSettings

    with IndexServer(folder, auth=("me", "s3cret")) as server:
        url = server.url.replace("//", "//me:s3cret@")
        with Client(store, (IndexSource(name="main", url=url),), settings=PipSettings(indexes=())) as client:
            assert client.project("demo-pkg").files
            assert client.metadata(file_of(client))
            assert "s3cret" not in repr(client.indexes)
            assert "s3cret" not in repr(client.settings)
    for path in store.root.rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes()


def test_netrc(folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelyard.upstream.pip_config import PipSettings

    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password s3cret\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    with (
        IndexServer(folder, auth=("me", "s3cret")) as server,
        Client(store, (IndexSource(name="main", url=server.url),), settings=PipSettings(indexes=())) as client,
    ):
        assert client.project("demo-pkg").files


def test_keyring(folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``keyring`` program is asked once the server has refused us."""
    from wheelyard.upstream.pip_config import PipSettings

    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "keyring").write_text('#!/bin/sh\n[ "$1 $3" = "get me" ] && echo s3cret\n')
    (programs / "keyring").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with IndexServer(folder, auth=("me", "s3cret")) as server:
        url = server.url.replace("//", "//me@")
        with Client(store, (IndexSource(name="main", url=url),), settings=PipSettings(indexes=())) as client:
            assert client.project("demo-pkg").files


@pytest.mark.network
def test_the_configured_index(store: Store) -> None:
    """One small page and one METADATA from wherever pip gets its files."""
    with Client(store) as client:
        page = client.project("packaging")
        wheel = next(file for file in page.files if file.filename == "packaging-24.2-py3-none-any.whl")
        assert wheel.sha256
        assert b"\nVersion: 24.2\n" in client.metadata(wheel)
    shutil.rmtree(store.root)
