"""nginx, Apache and our own server answer alike."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import httpx
import pytest

from tests.support.installers import CLIENTS, Client, install, installed
from tests.support.web_servers import Served
from wheelyard.serve.negotiate import JSON

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
WHEEL = "files/beta-1.0-py3-none-any.whl"


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(served.url + path, headers={"accept-encoding": "identity", **named}, trust_env=False)


@pytest.mark.parametrize("path", ["simple/", "simple/beta/", "targets/el9/simple/", "targets/el9/simple/beta/"])
def test_json_for_those_that_ask_and_html_for_all_others(served: Served, path: str) -> None:
    asked = get(served, path, accept=PIP)
    assert asked.headers["content-type"] == JSON
    assert asked.json()["meta"]["api-version"] == "1.1"
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", ""):
        plain = get(served, path, accept=accept)
        assert plain.headers["content-type"].startswith("text/html")
        assert "accept" in plain.headers["vary"].lower()
    assert "accept" in asked.headers["vary"].lower()


def test_a_page_is_revalidated_and_a_file_is_kept(served: Served) -> None:
    page = get(served, "simple/beta/", accept=PIP)
    assert page.headers["cache-control"] == "no-cache"
    again = get(served, "simple/beta/", accept=PIP, if_none_match=page.headers["etag"])
    assert again.status_code == 304
    other = get(served, "simple/beta/", accept="text/html", if_none_match=page.headers["etag"])
    assert other.status_code == 200, "HTML and JSON must not share a tag"
    file = get(served, WHEEL)
    assert "immutable" in file.headers["cache-control"]
    assert get(served, WHEEL, if_none_match=file.headers["etag"]).status_code == 304


def test_ranges_of_a_wheel(served: Served) -> None:
    content = (served.root / WHEEL).read_bytes()
    part = get(served, WHEEL, range="bytes=10-19")
    assert (part.status_code, part.content) == (206, content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(content)}"
    assert get(served, WHEEL, range="bytes=-22").content == content[-22:]
    assert get(served, WHEEL, range=f"bytes={len(content)}-").status_code == 416
    assert httpx.head(served.url + WHEEL, trust_env=False).headers["content-length"] == str(len(content))


def test_pages_are_compressed_and_wheels_are_not(served: Served) -> None:
    for accept in (PIP, "text/html"):
        headers = {"accept": accept, "accept-encoding": "gzip"}
        with httpx.stream("GET", served.url + "simple/many/", headers=headers, trust_env=False) as answer:
            raw = b"".join(answer.iter_raw())
        plain = get(served, "simple/many/", accept=accept).content
        assert gzip.decompress(raw) == plain
        assert len(raw) < len(plain) / 2
    assert "content-encoding" not in get(served, WHEEL, accept_encoding="gzip").headers


@pytest.mark.parametrize(
    "path",
    ["files/.secret", ".published.json", ".facts.json", "../store/", "..%2f..%2fetc/passwd", "no/such", "simple/no/"],
)
def test_what_is_not_of_the_site_is_not_served(served: Served, path: str) -> None:
    assert get(served, path).status_code in (400, 403, 404)


def test_a_file_of_a_folder_that_just_changed_is_found_in_the_pool(served: Served) -> None:
    for name in ("many-1.3-py3-none-any.whl", "many-1.3-py3-none-any.whl.metadata"):
        found = get(served, f"targets/el9/{name}")
        assert found.status_code == 200
        assert found.content == (served.root / "files" / name).read_bytes()
    assert get(served, "targets/el9/beta-9-py3-none-any.whl").status_code == 404


def test_a_local_version_is_reached_by_its_link(served: Served) -> None:
    page = get(served, "targets/el9.v3/simple/beta/", accept=PIP)
    file = page.json()["files"][0]
    assert "%2B" in file["url"]
    content = httpx.get(page.url.join(file["url"]), trust_env=False).content
    assert hashlib.sha256(content).hexdigest() == file["hashes"]["sha256"]


def test_a_folder_without_its_slash_leads_to_it(served: Served) -> None:
    answer = httpx.get(served.url + "simple/beta", trust_env=False, follow_redirects=True)
    assert answer.status_code == 200
    assert str(answer.url).endswith("/simple/beta/")


@pytest.mark.network  # pip's old versions are downloaded once
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.pip)
def test_real_installers_by_index_and_by_links(served: Served, client: Client, tmp_path: Path) -> None:
    lock = ["--require-hashes", "-r", str(served.root / "targets/el9/requirements.txt")]
    ways = {
        "index": ["--index-url", served.url + "targets/el9/simple/", *lock],
        "links": ["--no-index", "-f", served.url + "targets/el9/", *lock],
    }
    if client.pip == "newest":
        ways["whole"] = ["--index-url", served.url + "simple/", "alpha-pkg"]
    for name, arguments in ways.items():
        result = install(client, tmp_path / name, *arguments)
        assert result.returncode == 0, result.stdout
        assert installed(tmp_path / name) == {"Alpha.Pkg-1.0", "beta-1.0"}


def test_a_person_is_told_of_a_page_that_is_not_there(served: Served) -> None:
    found = get(served, "projects/no/such", accept="text/html,*/*;q=0.8")
    assert found.status_code == 404
    assert found.headers["content-type"].startswith("text/html")
    assert "This is not here" in found.text
    icon = get(served, "assets/favicon.svg")
    assert (icon.status_code, icon.headers["content-type"].partition(";")[0]) == (200, "image/svg+xml")
