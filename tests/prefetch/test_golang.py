"""Go modules: what ``go.sum`` lists, how go brings it, and a build from that alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.trees import write_tree
from wheelyard.domain.errors import BuildError, HashMismatchError, ToolError, UpstreamError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch import fetch, golang, lay_out
from wheelyard.store.blobs import Store

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")
SUM = "A" * 43 + "="


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def publish(proxy: Path, escaped: str, module: str, version: str, needs: str, code: str) -> None:
    """Put a module into a proxy's folder."""
    place = proxy / escaped / "@v"
    place.mkdir(parents=True, exist_ok=True)
    mod = f"module {module}\n\ngo 1.17\n{needs}"
    (place / f"{version}.mod").write_text(mod)
    (place / f"{version}.info").write_text(json.dumps({"Version": version}))
    with (place / "list").open("a") as listed:
        listed.write(f"{version}\n")
    with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
        archive.writestr(f"{module}@{version}/go.mod", mod)
        archive.writestr(f"{module}@{version}/code.go", code)


@needs_go
def test_from_a_proxy_to_a_program_without_one(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, source = tmp_path / "proxy", tmp_path / "source"
    publish(proxy, "example.org/leaf", "example.org/leaf", "v1.0.0", "", "package leaf\n\nconst Two = 2\n")
    publish(proxy, "example.org/leaf", "example.org/leaf", "v1.1.0", "", "package leaf\n\nconst Two = 42\n")
    code = 'package branch\n\nimport "example.org/leaf"\n\nconst Answer = leaf.Two\n'
    requires = "require example.org/leaf v1.0.0\n"
    publish(proxy, "example.org/!branch", "example.org/Branch", "v0.2.0", requires, code)
    main = 'package main\n\nimport branch "example.org/Branch"\n\nfunc main() { println(branch.Answer) }\n'
    mod = "module top\n\ngo 1.17\n\nrequire (\n\texample.org/Branch v0.2.0\n\texample.org/leaf v1.1.0 // indirect\n)\n"
    write_tree(source, {"go.mod": mod, "main.go": main})
    settings = {"GOPROXY": proxy.as_uri(), "GOSUMDB": "off", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
    for name, value in {**settings, "GOMODCACHE": str(tmp_path / "own"), "GOCACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["go", "mod", "tidy"], cwd=source, check=True, capture_output=True)

    pinned = golang.needs(source, "top 1.0")
    versions = {each.title for each in pinned}
    assert {"example.org/Branch v0.2.0", "example.org/leaf v1.1.0", "example.org/leaf v1.1.0/go.mod"} <= versions
    archive = proxy / "example.org" / "leaf" / "@v" / "v1.1.0.zip"
    right = archive.read_bytes()
    archive.write_bytes((archive.parent / "v1.0.0.zip").read_bytes().replace(b"v1.0.0", b"v1.1.0"))
    with pytest.raises(HashMismatchError, match=r"top 1\.0: example\.org/leaf v1\.1\.0: go\.sum says h1:"):
        fetch(pinned, store=store, root=tmp_path, where="top 1.0")
    archive.write_bytes(right)
    fetch(pinned, store=store, root=tmp_path, where="top 1.0")
    shutil.rmtree(proxy)
    with pytest.raises(UpstreamError, match=r"(?s)top 1\.0: go mod download failed.*GOPROXY"):
        fetch(pinned, store=Store(tmp_path / "other"), root=tmp_path, where="top 1.0")

    (tmp_path / "w").mkdir()
    for name, value in lay_out(pinned, tmp_path / "w", aside=tmp_path / "aside", store=store).items():
        monkeypatch.setenv(name, value)
    done = subprocess.run(["go", "run", "."], cwd=source, check=True, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "42"


def test_a_list_that_is_wrong(tmp_path: Path) -> None:
    for line in ("nothing", f"a/../../b v1.0.0 h1:{SUM}", f"a ../v1 h1:{SUM}", "a v1.0.0 h2:x"):
        write_tree(tmp_path, {"sub/go.sum": f"a v1.0.0 h1:{SUM}\n{line}\n"})
        with pytest.raises(BuildError, match=r"top 1\.0: sub/go\.sum cannot be read: line 2"):
            golang.needs(tmp_path, "top 1.0")


def test_modules_that_the_sdist_carries(tmp_path: Path) -> None:
    write_tree(tmp_path, {"go.sum": f"a v1.0.0 h1:{SUM}\n"})
    assert len(golang.needs(tmp_path, "top 1.0")) == 1
    write_tree(tmp_path, {"vendor/modules.txt": ""})
    assert golang.needs(tmp_path, "top 1.0") == ()


def test_without_go(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Prefetched(registry="golang", name="a", version="v1.0.0", checksum=f"h1:{SUM}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"top 1\.0: .*there is no go here \(dnf install golang"):
        fetch([package], store=store, root=tmp_path, where="top 1.0")
