"""Packages of npm: what locks of each version pin, how npm brings them, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm_registry import NpmRegistry
from tests.support.trees import write_tree
from wheelyard.domain.errors import BuildError, HashMismatchError, ToolError, UpstreamError
from wheelyard.domain.prefetched import Prefetched
from wheelyard.prefetch import fetch, npm
from wheelyard.store.blobs import Store

DIGEST = "sha512-" + "A" * 86 + "=="
HEX = "00" * 64
PACKAGE = {"name": "top", "version": "1.0.0", "dependencies": {"whole": "1.0.0"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def pinned(folder: Path, lock: Mapping[str, Any] | str, **files: str) -> tuple[Prefetched, ...]:
    text = lock if isinstance(lock, str) else json.dumps(lock)
    write_tree(folder, {"package-lock.json": text, **files})
    return npm.needs(folder, "top 1.0")


def test_locks_of_each_version(tmp_path: Path) -> None:
    entry = {
        "version": "1.0.0",
        "integrity": f"sha1-AAAA {DIGEST}",
        "resolved": "https://npm.example.org/a/-/a-1.0.0.tgz",
    }
    places = {
        "": {"name": "top"},
        "node_modules/a": entry,
        "node_modules/a/node_modules/@b/c": {**entry, "resolved": "https://example.org/c.tgz"},
        "node_modules/alias": {**entry, "name": "real"},
        "node_modules/linked": {"link": True, "resolved": "packages/linked"},
        "node_modules/bundled": {"inBundle": True},
        "node_modules/elsewhere": {**entry, "optional": True, "os": ["aix"]},
        "packages/linked": {"version": "1.0.0"},
    }
    newer = pinned(tmp_path / "3", {"lockfileVersion": 3, "packages": places})
    assert [(each.name, each.source) for each in newer] == [
        ("a", ""),
        ("@b/c", "https://example.org/c.tgz"),
        ("real", ""),
    ]
    assert {each.checksum for each in newer} == {f"sha512:{HEX}"}
    tree = {"a": {**entry, "dependencies": {"b": entry}}, "local": {"version": "file:local"}}
    older = pinned(tmp_path / "1", {"lockfileVersion": 1, "dependencies": tree})
    assert [each.name for each in older] == ["a", "b"]


def test_nothing_is_needed_where_all_is_made(tmp_path: Path) -> None:
    hook = '[tool.hatch.build.hooks.jupyter-builder]\nskip-if-exists = ["made.js"]\n'
    lock = {"packages": {"node_modules/a": {"version": "1.0.0", "integrity": DIGEST}}}
    assert len(pinned(tmp_path, lock, **{"pyproject.toml": hook})) == 1
    assert pinned(tmp_path, lock, **{"made.js": ""}) == ()


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ({"packages": {"node_modules/a": {"version": "1.0.0"}}}, r"a 1\.0\.0: has no sha512"),
        ({"packages": {"node_modules/a": {"version": "1.0.0", "integrity": "sha512-AA=="}}}, "has no sha512"),
        ({"packages": {"node_modules/../up": {"version": "1.0.0", "integrity": DIGEST}}}, "name or version is none"),
        ({"packages": {"node_modules/a": {"version": "--x", "integrity": DIGEST}}}, "name or version is none"),
        ({"packages": []}, "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_a_lock_that_is_wrong(tmp_path: Path, lock: Mapping[str, Any] | str, said: str) -> None:
    with pytest.raises(BuildError, match=rf"top 1\.0.*{said}|package-lock\.json {said}"):
        pinned(tmp_path, lock)


def test_without_npm(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Prefetched(registry="npm", name="a", version="1.0.0", checksum=f"sha512:{HEX}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"top 1\.0: .*there is no npm here \(dnf install npm"):
        fetch([package], store=store, root=tmp_path, where="top 1.0")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_what_the_registry_gives_is_judged_by_the_lock(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NpmRegistry() as registry:
        registry.add("whole", "1.0.0", {"index.js": "module.exports = 42;\n"})
        monkeypatch.setenv("npm_config_registry", registry.url)
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
        right = pinned(tmp_path / "top", registry.lock(PACKAGE))
        registry.add("whole", "1.0.0", {"index.js": "module.exports = 43;\n"})
        with pytest.raises(HashMismatchError, match=r"top 1\.0: whole 1\.0\.0: package-lock\.json says sha512"):
            fetch(right, store=store, root=tmp_path, where="top 1.0")
        registry.answers.clear()
        with pytest.raises(UpstreamError, match=r"(?s)top 1\.0: npm cache add failed:.*404"):
            fetch(right, store=store, root=tmp_path, where="top 1.0")
    assert not [*store.blobs()]
