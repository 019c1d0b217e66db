"""Fetching: whole, many, cut, resumed, wrong, local; from a real server over real sockets."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import index_server
from tests.support.index_server import IndexServer
from tests.support.packages import make_wheel
from tests.support.waiting import wait_for
from tests.support.yard import hear_interrupts
from wheelyard.domain.errors import ConfigError, Failures, HashMismatchError, StorageError, UpstreamError
from wheelyard.domain.events import Event, JobAdvanced, JobFinished
from wheelyard.domain.index import IndexSource
from wheelyard.domain.lock import LockedFile
from wheelyard.io.files import sha256
from wheelyard.io.http import Http, HttpSettings
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.fetch import fetch, fetch_unknown
from wheelyard.upstream.pip_config import PipSettings

BIG = "big-1.0-py3-none-any.whl"
SIZE = 3 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    make_wheel(folder, "small", "1.0")
    (folder / BIG).write_bytes(random.Random(7).randbytes(SIZE))
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[IndexServer]:
    with IndexServer(folder, json=True) as running:
        yield running


HASTY = HttpSettings(backoff=0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def client(store: Store, server: IndexServer) -> Iterator[Client]:
    with _client(store, server) as running:
        yield running


def locked(server: IndexServer, name: str, **changes: object) -> LockedFile:
    data = (server.folder / name).read_bytes()
    fields: dict[str, object] = {
        "filename": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "url": f"{server.base}/files/{name}",
        "size": len(data),
        "index": "sim",
    }
    return LockedFile(**{**fields, **changes})  # type: ignore[arg-type]


def part(store: Store, file: LockedFile) -> Path:
    return store.area("partial") / f"{file.sha256}.part"


def test_brings_many_files_once(server: IndexServer, store: Store, client: Client, tmp_path: Path) -> None:
    small = next(path.name for path in server.folder.iterdir() if path.name.startswith("small"))
    files = [locked(server, small), locked(server, BIG), locked(server, small)]
    events: list[Event] = []
    fetch(files, store=store, client=client, root=tmp_path, report=events.append)
    for file in files:
        assert store.path(file.sha256).read_bytes() == (server.folder / file.filename).read_bytes()
    assert sum(event.bytes for event in events if isinstance(event, JobAdvanced) and event.job == BIG) == SIZE
    assert len(server.paths("/files/")) == 2
    assert not list(store.area("partial").iterdir())
    again: list[Event] = []
    fetch(files, store=store, client=client, root=tmp_path, report=again.append)
    assert len(server.paths("/files/")) == 2
    assert {event.outcome for event in again if isinstance(event, JobFinished)} == {"reused"}


def test_goes_on_where_the_connection_was_cut(
    server: IndexServer, store: Store, client: Client, tmp_path: Path
) -> None:
    file = locked(server, BIG)
    server.fault(BIG, index_server.cut(1 << 20), times=2)
    fetch([file], store=store, client=client, root=tmp_path)
    assert sha256(store.path(file.sha256)) == file.sha256
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges == [None, f"bytes={1 << 20}-", f"bytes={2 << 20}-"]


def test_starts_over_where_ranges_are_not_served(folder: Path, store: Store, tmp_path: Path) -> None:
    with IndexServer(folder, ranges=False) as server, _client(store, server) as client:
        file = locked(server, BIG)
        server.fault(BIG, index_server.cut(1 << 20), times=2)
        fetch([file], store=store, client=client, root=tmp_path)
        assert sha256(store.path(file.sha256)) == file.sha256


def test_gives_up_a_server_that_always_cuts_at_the_same_place(folder: Path, store: Store, tmp_path: Path) -> None:
    with IndexServer(folder, ranges=False) as server, _client(store, server) as client:
        server.fault(BIG, index_server.cut(1 << 20))
        with pytest.raises(UpstreamError):
            fetch([locked(server, BIG)], store=store, client=client, root=tmp_path)
        assert len(server.requests) < 15


def _client(store: Store, server: IndexServer, settings: HttpSettings = HASTY) -> Client:
    return Client(store, settings=PipSettings(indexes=(IndexSource(name="sim", url=server.url),)), http=Http(settings))


def test_a_second_run_uses_what_the_first_one_got(
    server: IndexServer, store: Store, client: Client, tmp_path: Path
) -> None:
    file = locked(server, BIG)
    part(store, file).parent.mkdir(parents=True)
    part(store, file).write_bytes((server.folder / BIG).read_bytes()[: 2 << 20])
    fetch([file], store=store, client=client, root=tmp_path)
    assert [request.headers.get("range") for request in server.requests] == [f"bytes={2 << 20}-"]
    assert sha256(store.path(file.sha256)) == file.sha256


@pytest.mark.parametrize("length", [1000, SIZE, SIZE + 5])
def test_a_damaged_beginning_is_fetched_anew(
    server: IndexServer, store: Store, client: Client, tmp_path: Path, length: int
) -> None:
    file = locked(server, BIG)
    part(store, file).parent.mkdir(parents=True)
    part(store, file).write_bytes(b"x" * length)
    fetch([file], store=store, client=client, root=tmp_path)
    assert sha256(store.path(file.sha256)) == file.sha256


def test_a_wrong_hash_names_file_index_and_both_hashes(
    server: IndexServer, store: Store, client: Client, tmp_path: Path
) -> None:
    file = locked(server, BIG)
    other = bytes(SIZE)
    server.fault(BIG, index_server.content(other))
    with pytest.raises(HashMismatchError) as caught:
        fetch([file], store=store, client=client, root=tmp_path)
    for part_of_it in (BIG, "sim", file.sha256, hashlib.sha256(other).hexdigest()):
        assert part_of_it in str(caught.value)
    assert not store.has(file.sha256)
    assert not part(store, file).exists()


def test_an_answer_that_was_wrong_once_is_asked_for_once_more(
    server: IndexServer, store: Store, client: Client, tmp_path: Path
) -> None:
    file = locked(server, BIG, size=None)
    server.fault(
        BIG, index_server.content((server.folder / BIG).read_bytes()[:1000]), times=1
    )  # cut, and nobody says so
    fetch([file], store=store, client=client, root=tmp_path)
    assert sha256(store.path(file.sha256)) == file.sha256


def test_more_bytes_than_promised_are_not_taken(
    server: IndexServer, store: Store, client: Client, tmp_path: Path
) -> None:
    file = locked(server, BIG)
    server.fault(BIG, index_server.endless(block=bytes(1 << 16)))
    with pytest.raises(HashMismatchError, match="more than"):
        fetch([file], store=store, client=client, root=tmp_path)
    assert not part(store, file).exists()


def test_a_dripping_server_is_ended(server: IndexServer, store: Store, tmp_path: Path) -> None:
    server.fault(BIG, index_server.slow(3600))
    impatient = HttpSettings(retries=0, stall_window=0.3)
    with _client(store, server, impatient) as client, pytest.raises(UpstreamError, match="almost nothing"):
        fetch([locked(server, BIG)], store=store, client=client, root=tmp_path)


def test_a_file_that_keeps_coming_slowly_is_ended(server: IndexServer, store: Store, tmp_path: Path) -> None:
    """Enough a second that nothing stalls, and no end: there is one bound over all tries, whatever the size is."""
    server.fault(BIG, index_server.slow(3600))
    bounded = HttpSettings(retries=3, stall_window=3600, file_timeout=1)
    with _client(store, server, bounded) as client, pytest.raises(UpstreamError) as caught:
        fetch([replace(locked(server, BIG), size=None)], store=store, client=client, root=tmp_path)
    assert BIG in str(caught.value)
    assert not store.has(locked(server, BIG).sha256)


def test_one_failure_leaves_the_rest_going(server: IndexServer, store: Store, client: Client, tmp_path: Path) -> None:
    small = next(path.name for path in server.folder.iterdir() if path.name.startswith("small"))
    good = locked(server, BIG)
    missing = [
        LockedFile(filename=f"gone-{n}.whl", sha256=str(n) * 64, url=f"{server.base}/files/gone-{n}.whl")
        for n in (1, 2)
    ]
    unhashed = locked(server, small, sha256=None)
    with pytest.raises(Failures) as caught:
        fetch([*missing, good, unhashed], store=store, client=client, root=tmp_path, jobs=2)
    assert store.has(good.sha256)
    assert [error.where for error in caught.value.errors] == [
        small,
        f"{server.base}/files/gone-1.whl",
        f"{server.base}/files/gone-2.whl",
    ]


def test_local_files_are_copied_and_hashed(store: Store, client: Client, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "local", "mine", "2.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = LockedFile(filename=wheel.name, sha256=digest, path=f"local/{wheel.name}")
    fetch([file], store=store, client=client, root=tmp_path)
    assert sha256(store.path(digest)) == digest
    by_url = LockedFile(filename=wheel.name, sha256="0" * 64, url=wheel.as_uri())
    with pytest.raises(HashMismatchError):
        fetch([by_url], store=store, client=client, root=tmp_path)
    gone = LockedFile(filename="gone.whl", sha256="1" * 64, path="local/gone.whl")
    with pytest.raises(ConfigError, match="cannot be read"):
        fetch([gone], store=store, client=client, root=tmp_path)


def test_an_unknown_file_is_hashed_for_the_lock(server: IndexServer, store: Store, client: Client) -> None:
    data = (server.folder / BIG).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    server.fault(BIG, index_server.cut(1000), times=1)
    assert fetch_unknown(f"{server.base}/files/{BIG}", store=store, client=client) == (digest, SIZE)
    assert sha256(store.path(digest)) == digest
    with pytest.raises(HashMismatchError):
        fetch_unknown(f"{server.base}/files/{BIG}#sha256={'0' * 64}", store=store, client=client)


def test_credentials_of_a_direct_url_are_used_and_forgotten(folder: Path, store: Store) -> None:
    with IndexServer(folder, auth=("me", "s3cret/x")) as server, _direct(store, server) as client:
        url = f"{server.base}/files/{BIG}"
        with pytest.raises(UpstreamError, match="401"):
            fetch_unknown(url, store=store, client=client)
        secret = url.replace("//", "//me:s3cret%2Fx@")
        assert fetch_unknown(secret, store=store, client=client)[1] == SIZE
        with pytest.raises(UpstreamError) as caught:
            fetch_unknown(secret + "x", store=store, client=client)
        assert "s3cret" not in str(caught.value)


def _direct(store: Store, server: IndexServer) -> Client:
    return Client(store, settings=PipSettings(indexes=(IndexSource(name="sim", url=server.url),)))


def test_two_threads_of_two_clients_fetch_a_file_once(server: IndexServer, store: Store, tmp_path: Path) -> None:
    file = locked(server, BIG)

    def one() -> None:
        with _client(store, server) as client:
            fetch([file], store=store, client=client, root=tmp_path)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sha256(store.path(file.sha256)) == file.sha256
    assert len(server.paths(BIG)) == 1


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_run_leaves_a_partial_file_that_the_next_one_uses(
    server: IndexServer, store: Store, client: Client, tmp_path: Path, sign: signal.Signals
) -> None:
    file = locked(server, BIG)
    server.fault(BIG, _first_part_then_silence(2 << 20), times=1)
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from wheelyard.upstream.fetch import fetch
        from wheelyard.domain.lock import LockedFile
        from wheelyard.store.blobs import Store
        from wheelyard.upstream.client import Client
        from wheelyard.upstream.pip_config import PipSettings
        store = Store(Path(sys.argv[1]))
        file = LockedFile(filename="big", sha256=sys.argv[2], url=sys.argv[3])
        with Client(store, settings=PipSettings(indexes=())) as client:
            fetch([file], store=store, client=client, root=Path("."))
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root), file.sha256, file.url or ""],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        preexec_fn=hear_interrupts,
    )
    wait_for(lambda: part(store, file).exists() and part(store, file).stat().st_size == 2 << 20)
    process.send_signal(sign)
    process.communicate(timeout=300)
    assert process.returncode != 0
    assert not store.has(file.sha256)
    assert [path.name for path in store.area("partial").iterdir()] == [f"{file.sha256}.part"]
    fetch([file], store=store, client=client, root=tmp_path)
    assert sha256(store.path(file.sha256)) == file.sha256
    assert server.requests[-1].headers["range"] == f"bytes={2 << 20}-"


def _first_part_then_silence(count: int) -> index_server.Fault:
    def fault(handler: index_server.Handler) -> None:
        handler.serve(cut=count)
        handler.pause(30)

    return fault


def test_a_full_disk_is_an_error_with_a_hint(server: IndexServer, store: Store, client: Client, tmp_path: Path) -> None:
    """``RLIMIT_FSIZE`` makes the operating system refuse a real write, as a full disk does."""
    import resource

    previous = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, previous[1]))
    try:
        with pytest.raises(StorageError):
            fetch([locked(server, BIG)], store=store, client=client, root=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, previous)
        signal.signal(signal.SIGXFSZ, handler)
    fetch([locked(server, BIG)], store=store, client=client, root=tmp_path)
    assert sha256(store.path(locked(server, BIG).sha256)) == locked(server, BIG).sha256
