"""The HTTP door against a server that misbehaves in every way that was thought of."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import index_server
from tests.support.index_server import IndexServer
from tests.support.upstream_clients import HASTY
from wheelyard.domain.errors import UpstreamError
from wheelyard.io.http import Http, HttpSettings
from wheelyard.io.urls import redact
from wheelyard.upstream.credentials import KnownCredentials


@pytest.fixture
def server(folder: Path) -> Iterator[IndexServer]:
    with IndexServer(folder) as running:
        yield running


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HASTY) as opened:
        yield opened


def page(server: IndexServer) -> str:
    return f"{server.url}demo-pkg/"


@pytest.mark.parametrize("fault", [index_server.status(503), index_server.cut(10), index_server.hang(0.1)])
def test_tries_again_after_what_may_pass(server: IndexServer, http: Http, fault: index_server.Fault) -> None:
    server.fault("demo", fault, times=2)
    assert http.get(page(server)).status == 200
    assert len(server.requests) == 3


def test_gives_up_a_server_that_stays_down(server: IndexServer, http: Http) -> None:
    server.fault("demo", index_server.status(500))
    with pytest.raises(UpstreamError, match="500") as caught:
        http.get(page(server))
    assert len(server.requests) == HASTY.retries + 1
    assert caught.value.where == page(server)
    assert caught.value.hint


def test_does_not_try_again_what_will_not_pass(server: IndexServer, http: Http) -> None:
    server.fault("demo", index_server.status(403))
    with pytest.raises(UpstreamError, match="403"):
        http.get(page(server))
    assert len(server.requests) == 1


def test_waits_longer_each_time_and_as_long_as_it_is_told(server: IndexServer) -> None:
    waits: list[float] = []
    with Http(HttpSettings(retries=3, backoff=0.5), sleep=waits.append) as http:
        server.fault("demo", index_server.busy(7), times=2)
        server.fault("demo", index_server.status(502), times=1)
        http.get(page(server))
    assert waits == [0.5, 7.0, 7.0]


def test_nobody_is_there(http: Http, folder: Path) -> None:
    with IndexServer(folder) as server:
        url = server.url
    with pytest.raises(UpstreamError, match="connect"):
        http.get(url)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (index_server.endless(), "larger than"),
        (index_server.bomb(64 << 20), "larger than"),
        (index_server.redirect("/simple/demo-pkg/"), "too many redirects"),
        (index_server.redirect("file:///etc/passwd"), "neither an http nor an https"),
        (index_server.redirect("http://plain.example/x"), "plain http"),
        (index_server.redirect("http://[bad/x"), "no URL"),
        (index_server.status(200, headers={"content-encoding": "gzip"}, body=b"no gzip"), "compression"),
    ],
)
def test_a_hostile_server_is_ended(server: IndexServer, http: Http, fault: index_server.Fault, words: str) -> None:
    server.fault("demo", fault)
    with pytest.raises(UpstreamError, match=words):
        http.get(page(server))


@pytest.mark.parametrize(
    ("fault", "settings", "words"),
    [
        (index_server.slow(3600), HttpSettings(retries=0, stall_window=0.3), "almost nothing"),
        (index_server.slow_headers(3600), HttpSettings(retries=0, answer_timeout=0.5), "no complete answer"),
        (index_server.hang(3600), HttpSettings(retries=0, read_timeout=0.3), "fell silent"),
    ],
)
def test_a_server_that_is_slow_or_silent_is_given_up(
    server: IndexServer, fault: index_server.Fault, settings: HttpSettings, words: str
) -> None:
    server.fault("demo", fault)
    with Http(settings) as http, pytest.raises(UpstreamError, match=words):
        http.get(page(server))


def test_a_page_that_keeps_coming_slowly_is_ended(server: IndexServer) -> None:
    server.fault("demo", index_server.slow(30, step=0.01))
    settings = HttpSettings(page_timeout=0.3, stall_bytes=0)
    with Http(settings) as http, pytest.raises(UpstreamError, match="takes longer"):
        http.get(page(server))


def test_a_connection_whose_handshake_is_given_up_is_closed() -> None:
    settings = HttpSettings(retries=0, answer_timeout=0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener, Http(settings) as http:
        with pytest.raises(UpstreamError, match="no complete answer"):
            http.get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(30)
            while accepted.recv(4096):  # what the client said first, and then that it hung up
                pass


def test_plain_http_is_for_ourselves_and_for_trusted_hosts() -> None:
    with Http(HttpSettings(retries=0)) as http, pytest.raises(UpstreamError, match="plain http") as caught:
        http.get("http://index.example/simple/")
    assert "trusted-host" in str(caught.value)
    trusting = HttpSettings(retries=0, trusted_hosts=frozenset({"index.invalid"}))
    with Http(trusting) as http, pytest.raises(UpstreamError, match="connect"):
        http.get("http://index.invalid/simple/")


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with Http() as http, pytest.raises(UpstreamError, match="from https to plain http"):
        http._redirected("https://a.example/x", "http://127.0.0.1/x")


def test_credentials_go_to_their_own_server_only(folder: Path) -> None:
    with IndexServer(folder, auth=("me", "pw")) as private, IndexServer(folder) as public:
        secrets = KnownCredentials({("http", "127.0.0.1", int(private.base.rpartition(":")[2])): ("me", "pw")})
        private.fault("demo-pkg", index_server.redirect(f"{public.url}demo-pkg/"), times=1)
        with Http(HASTY, secrets) as http:
            assert http.get(page(private)).url == page(public)
            assert http.get(page(private)).status == 200
        assert "authorization" in private.requests[0].headers
        assert "authorization" not in public.requests[0].headers


def test_no_secret_is_in_an_error(server: IndexServer, http: Http) -> None:
    server.fault("demo", index_server.status(404))
    with pytest.raises(UpstreamError) as caught:
        http.get(page(server).replace("//", "//me:s3cret@", 1) + "?token=s3cret#s3cret")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value.__dict__)
    assert redact("https://u:p@h.example:8443/a?b#c") == "https://h.example:8443/a"


def test_missing_certificates_are_told(tmp_path: Path) -> None:
    with Http(HttpSettings(ca_bundle=tmp_path / "gone.pem")) as http, pytest.raises(UpstreamError, match="certificate"):
        http.get("https://127.0.0.1:1/")


@pytest.mark.parametrize("proxy", ["nonsense://x", "http://me:s3cret@:bad"])
def test_a_bad_proxy_is_told_without_its_password(proxy: str) -> None:
    with Http(HttpSettings(proxy=proxy)) as http, pytest.raises(UpstreamError, match="proxy") as caught:
        http.get("https://127.0.0.1:1/")
    assert "s3cret" not in str(caught.value)


def test_a_proxy_is_used(server: IndexServer) -> None:
    server.fault("http://index.example/x", index_server.content(b"by proxy"))
    settings = HttpSettings(
        retries=0, proxy=server.base.replace("//", "//me:pw@"), trusted_hosts=frozenset({"index.example"})
    )
    with Http(settings) as http:
        assert http.get("http://index.example/x").content == b"by proxy"
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert "pw" not in repr(settings)


def test_file_urls(http: Http, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello")
    assert http.get(tmp_path.as_uri()).content == b"hello"
    assert http.get(tmp_path.as_uri() + "/none", accept=frozenset({200, 404})).status == 404
    with pytest.raises(UpstreamError, match="larger"):
        http.get(tmp_path.as_uri(), limit=2)
    with pytest.raises(UpstreamError, match="this machine"):
        http.get("file://elsewhere/x")
