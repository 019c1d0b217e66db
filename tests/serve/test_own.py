"""What only our own server has: TLS, its command, and readers while somebody publishes."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.support.installers import CLIENTS, install, installed
from tests.support.shop import Shop, folder
from tests.support.web_servers import free_port, own
from wheelyard.domain.errors import ConfigError, StorageError, ToolError
from wheelyard.domain.site import Site
from wheelyard.index.publish import publish
from wheelyard.serve.configs import SERVERS, Server, config
from wheelyard.serve.negotiate import prefers_json, takes_gzip
from wheelyard.serve.run import Listen, bind, server


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/vnd.pypi.simple.v1+json", True),
        ("application/vnd.pypi.simple.latest+json", True),
        ("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01", True),
        ("text/html, application/vnd.pypi.simple.v1+json;q=0.5", False),
        ("application/vnd.pypi.simple.v1+json;q=0", False),
        ("application/vnd.pypi.simple.v1+json;q=nonsense", False),
        (",;q=,;;", False),
    ],
)
def test_what_accept_asks_for(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json


def test_what_accept_encoding_asks_for() -> None:
    assert takes_gzip("gzip, deflate, br")
    assert takes_gzip("*")
    assert not takes_gzip("gzip;q=0")
    assert not takes_gzip("")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.publish(Site(folders=(), extra=(made.entry("alpha", requires=["beta"]), made.entry("beta"))))
    return made


def test_tls(shop: Shop, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=str(certificate))
    with own(shop.into, tmp_path, certificate=certificate, key=key) as url:
        assert url.startswith("https://127.0.0.1:")
        assert httpx.get(url + "simple/", verify=trust, trust_env=False).status_code == 200
    with pytest.raises(ConfigError, match="both"):
        server(shop.into, Listen(certificate=certificate))
    with pytest.raises(ConfigError, match="certificate or key"):
        server(shop.into, Listen(certificate=shop.into / "manifest.json", key=key))


def test_what_cannot_be_served(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no wheelhouse"):
        server(tmp_path, Listen())
    with bind(Listen(port=0)) as taken, pytest.raises(ToolError, match="cannot listen"):
        bind(Listen(port=taken.getsockname()[1]))
    with pytest.raises(ToolError):
        bind(Listen(host="no such host", port=0))


def test_only_get_and_head(shop: Shop, tmp_path: Path) -> None:
    with own(shop.into, tmp_path) as url:
        answer = httpx.post(url + "simple/", trust_env=False)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("kind", SERVERS)
def test_a_configuration_is_refused_rather_than_ambiguous(kind: Server, tmp_path: Path) -> None:
    assert str(tmp_path) in config(kind, tmp_path, listen=8080, host="wheels.example")
    with pytest.raises(ConfigError, match="characters"):
        config(kind, tmp_path / "a; b {")
    with pytest.raises(ConfigError, match="host name"):
        config(kind, tmp_path, host="a; evil")


COMMAND = "import sys, typer; from wheelyard.cli import serve; app = typer.Typer(); serve.register(app); app()"


def test_the_command_serves_on_loopback_and_ends_at_ctrl_c(shop: Shop) -> None:
    port = free_port()
    command = [sys.executable, "-c", COMMAND, str(shop.into), "--port", str(port), "--access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        for _ in range(6000):
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/simple/beta/", trust_env=False).status_code == 200
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=300)
    assert "GET /simple/beta/" in said
    assert "Traceback" not in said


def test_who_has_an_old_page_still_gets_its_files(shop: Shop, tmp_path: Path) -> None:
    one, two = shop.entry("beta"), shop.entry("beta", "2.0")
    before = Site(folders=(folder("el9", [one]),), extra=(shop.entry("alpha", requires=["beta"]),))
    after = Site(folders=(folder("el9", [two]),), extra=before.extra)
    publish(before, store=shop.store, into=shop.into)
    old = ("files/beta-1.0-py3-none-any.whl", "targets/el9/beta-1.0-py3-none-any.whl")
    with own(shop.into, tmp_path) as url:
        publish(after, store=shop.store, into=shop.into, grace=600)
        for path in old:
            assert httpx.get(url + path, trust_env=False).status_code == 200
        assert "beta-1.0" not in httpx.get(url + "simple/beta/", trust_env=False).text
        result = publish(after, store=shop.store, into=shop.into, grace=600)
        assert (result.removed, result.written) == (0, 0)
        publish(after, store=shop.store, into=shop.into)
        for path in old:
            assert httpx.get(url + path, trust_env=False).status_code == 404
    assert not list((shop.into / "files").glob("beta-1.0*"))


def test_installs_in_a_loop_while_fifty_publications_happen(shop: Shop, tmp_path: Path) -> None:
    alpha = shop.entry("alpha", requires=["beta"])
    versions = [shop.entry("beta", f"1.{number}") for number in range(10)]
    finished = threading.Event()

    def publications() -> None:
        for number in range(50):
            chosen = versions[number % 10]
            site = Site(folders=(folder("el9", [alpha, chosen]),), extra=(shop.entry(f"more-{number % 7}"),))
            publish(site, store=shop.store, into=shop.into, grace=600)
        finished.set()

    publish(Site(folders=(folder("el9", [alpha, versions[0]]),)), store=shop.store, into=shop.into)
    with own(shop.into, tmp_path) as url:
        publisher = threading.Thread(target=publications)
        publisher.start()
        count = 0
        while not finished.is_set() or count < 4:
            client = CLIENTS[4 + count % 2]
            way = ["--index-url", url + "simple/"] if count % 4 < 2 else ["--no-index", "-f", url + "targets/el9/"]
            result = install(client, tmp_path / f"t{count}", *way, "alpha")
            assert result.returncode == 0, result.stdout
            assert {name.partition("-")[0] for name in installed(tmp_path / f"t{count}")} == {"alpha", "beta"}
            count += 1
        publisher.join()
