"""The loopback index: private, silent, and gone when it is closed."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.graphs import PY39, source
from wheelyard.resolve.view import View
from wheelyard.targets.environment import environment

GRAPH = {"a": {"1.0": ["b"], "2.0+x": []}}


def get(url: str, accept: str = "text/html") -> tuple[str, bytes]:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=300) as response:
        return response.headers["Content-Type"], response.read()


def test_pages_and_metadata() -> None:
    with View(source(GRAPH, yanked={"a 1.0": '<script>"'}), environment(PY39)) as view:
        kind, body = get(view.url + "a/", "application/vnd.pypi.simple.v1+json")
        assert kind == "application/vnd.pypi.simple.v1+json"
        page = json.loads(body)
        assert [file["filename"] for file in page["files"]] == ["a-1.0-py3-none-any.whl", "a-2.0+x-py3-none-any.whl"]
        assert page["files"][0]["yanked"] == '<script>"'
        kind, body = get(view.url + "a/")
        assert kind.startswith("text/html")
        assert b"<script>" not in body
        _, metadata = get(view.url + "a/1.0/a-1.0-py3-none-any.whl.metadata")
        assert b"Requires-Dist: b\n" in metadata
        _, wheel = get(view.url + "a/2.0%2Bx/a-2.0%2Bx-py3-none-any.whl")
        with zipfile.ZipFile(BytesIO(wheel)) as archive:
            assert archive.testzip() is None
            assert "a-2.0+x.dist-info/METADATA" in archive.namelist()


@pytest.mark.parametrize("path", ["/", "/simple/", "/simple/a/", "/wrong/simple/a/", "/../../etc/passwd"])
def test_nothing_without_the_secret_path(path: str) -> None:
    with View(source(GRAPH), environment(PY39)) as view:
        base = view.url.split("/", 3)[:3]
        with pytest.raises(urllib.error.HTTPError) as caught:
            get("/".join(base) + path)
        assert caught.value.code == 404
        caught.value.close()


def test_nothing_is_left_open(capfd: pytest.CaptureFixture[str]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with View(source(GRAPH), environment(PY39)) as view:
        # A client that keeps its connection alive and never closes it.
        port = int(view.url.split(":")[2].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(OSError):
        connection.connect()
    assert capfd.readouterr() == ("", "")
