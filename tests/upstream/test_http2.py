"""Hundreds of pages, from many threads at once, over HTTP/2 connections that break.

``WHEELYARD_ROUNDS=200`` repeats it as often as it takes to believe it; with ``WHEELYARD_PAGES=3000`` a round is larger.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.certificates import certify
from tests.support.h2_server import H2Server, page
from wheelyard.domain.errors import UpstreamError
from wheelyard.domain.events import Event, Warned
from wheelyard.io.http import Http, HttpSettings

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")

ROUNDS = int(os.environ.get("WHEELYARD_ROUNDS", "1"))
PAGES = int(os.environ.get("WHEELYARD_PAGES", "300"))
AT_ONCE = 100


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certify(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def settings(certified: tuple[Path, Path]) -> HttpSettings:
    return HttpSettings(ca_bundle=certified[0], backoff=0.01)


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


def _all_come(server: H2Server, settings: HttpSettings, threads: ThreadPoolExecutor, count: int) -> None:
    paths = [f"/simple/demo-{number}/" for number in range(count)]
    with Http(settings) as http:
        replies = list(threads.map(lambda path: http.get(server.url + path), paths))
    assert [reply.content for reply in replies] == [page(path) for path in paths]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_many_pages_over_connections_that_hold(
    certified: tuple[Path, Path], settings: HttpSettings, threads: ThreadPoolExecutor, turn: int
) -> None:
    with H2Server(*certified) as server:
        _all_come(server, settings, threads, PAGES)
    assert server.requests == PAGES
    assert server.connections == 1


@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize(
    "faults", [{"goaway_every": 67}, {"reset_every": 31}, {"cut_every": 89}, {"goaway_every": 103, "reset_every": 41}]
)
def test_many_pages_over_connections_that_break(
    certified: tuple[Path, Path],
    settings: HttpSettings,
    threads: ThreadPoolExecutor,
    faults: dict[str, int],
    turn: int,
) -> None:
    with H2Server(*certified, **faults, streams=50 + turn % 100) as server:  # type: ignore[arg-type]
        _all_come(server, settings, threads, PAGES)
    assert server.broken > 2


def test_a_server_that_says_nothing_is_given_up_for_all_who_wait(
    certified: tuple[Path, Path], threads: ThreadPoolExecutor
) -> None:
    settings = HttpSettings(
        ca_bundle=certified[0], backoff=0.01, read_timeout=0.3, answer_timeout=0.5, patience=600, retries=1, notice=0.1
    )
    told: list[Event] = []

    with H2Server(*certified, mute=True) as server, Http(settings, report=told.append) as http:

        def ask(number: int) -> str:
            try:
                return str(http.get(f"{server.url}/simple/demo-{number}/").status)
            except UpstreamError as error:
                return error.message

        first = list(threads.map(ask, range(AT_ONCE)))
        requests = server.requests
        later = [ask(number) for number in range(AT_ONCE)]
        assert server.requests == requests
    assert all("silent" in each or "no complete answer" in each for each in first), set(first)
    assert all("given up" in each for each in later), set(later)
    assert any(isinstance(event, Warned) and "still waiting" in event.message for event in told)
