"""A folder of crafted files, a store, and a client that tries again at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.index_server import IndexServer
from tests.support.packages import make_sdist, make_wheel
from tests.support.upstream_clients import HASTY, MakeClient
from wheelyard.domain.events import Event
from wheelyard.domain.index import IndexSource
from wheelyard.io.http import Http, HttpSettings
from wheelyard.store.blobs import Store
from wheelyard.upstream.client import Client
from wheelyard.upstream.credentials import KnownCredentials
from wheelyard.upstream.pip_config import PipSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    make_wheel(folder, "demo-pkg", "1.0", requires=["other>=2"], requires_python=">=3.8")
    make_wheel(folder, "demo-pkg", "2.0", tag="cp311-cp311-linux_x86_64")
    make_sdist(folder, "demo-pkg", "1.0", {"setup.py": ""})
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def connect(store: Store, events: list[Event]) -> Iterator[MakeClient]:
    """Make clients that are closed at the end: ``connect(server, …)`` or ``connect(IndexSource(…), …)``."""
    with ExitStack() as stack:

        def make(*sources: IndexSource | IndexServer, settings: HttpSettings = HASTY, **choosing: Any) -> Client:
            indexes = tuple(
                IndexSource(name=f"index-{number}", url=source.url) if isinstance(source, IndexServer) else source
                for number, source in enumerate(sources)
            )
            client = Client(
                store,
                indexes,
                settings=PipSettings(indexes=()),
                report=events.append,
                http=Http(settings, KnownCredentials(keyring=False)),
                **choosing,
            )
            return stack.enter_context(client)

        yield make
