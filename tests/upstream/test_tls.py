"""HTTPS and HTTP/2 with a real web server and a certificate of our own authority."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.certificates import certify
from tests.support.waiting import wait_for
from tests.support.web_servers import free_port
from wheelyard.domain.errors import UpstreamError
from wheelyard.io.http import Http, HttpSettings

pytestmark = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")), reason="needs nginx and openssl"
)

CONF = """
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
events {{}}
http {{
  access_log {root}/access.log combined;
  log_format combined_ '$server_protocol';
  access_log {root}/protocols.log combined_;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port} ssl http2; server_name localhost; root {root}/www;
    ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
    location /plain {{ return 302 http://localhost:{port}/x; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tls")
    (root / "www").mkdir()
    for number in range(40):
        (root / "www" / f"{number}.html").write_bytes(b"%d" % number * 20_000)
    certify(root)
    return root


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    port = free_port()
    (root / "nginx.conf").write_text(CONF.format(root=root, port=port))
    process = subprocess.Popen(
        ["nginx", "-p", str(root), "-c", str(root / "nginx.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: process.poll() is not None or _answers(port))
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def test_pages_come_by_http_2_over_a_verified_connection(url: str, root: Path) -> None:
    with Http(HttpSettings(ca_bundle=root / "cert.pem", retries=0)) as http, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda number: http.get(f"{url}/{number}.html"), range(40)))
    assert [reply.content for reply in replies] == [b"%d" % number * 20_000 for number in range(40)]
    assert set((root / "protocols.log").read_text().split()) == {"HTTP/2.0"}


def test_large_files_come_by_http_1(url: str, root: Path) -> None:
    with (
        Http(HttpSettings(ca_bundle=root / "cert.pem", retries=0)) as http,
        http.stream(f"{url}/7.html", headers={"range": "bytes=1-3"}, accept=frozenset({206})) as answer,
    ):
        assert b"".join(answer.chunks) == b"777"
    assert (root / "protocols.log").read_text().split()[-1] == "HTTP/1.1"


def test_an_unknown_certificate_is_refused_unless_the_host_is_trusted(url: str) -> None:
    with Http(HttpSettings(retries=0)) as http, pytest.raises(UpstreamError, match="does not verify") as caught:
        http.get(f"{url}/1.html")
    assert "cert" in (caught.value.hint or "")
    with Http(HttpSettings(retries=0, trusted_hosts=frozenset({"localhost"}))) as http:
        assert http.get(f"{url}/1.html").status == 200


def test_a_redirect_to_plain_http_is_refused(url: str, root: Path) -> None:
    with (
        Http(HttpSettings(ca_bundle=root / "cert.pem", retries=0)) as http,
        pytest.raises(UpstreamError, match="from https to plain http"),
    ):
        http.get(f"{url}/plain")
