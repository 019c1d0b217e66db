"""Builds that take something from other registries, without network: from lock to wheelhouse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.builds import Yard as Bench
from tests.support.crates import DEBIAN, LocalRegistry
from tests.support.downloads import download, environment
from tests.support.npm_registry import NpmRegistry
from tests.support.packages import make_sdist
from tests.support.rust_sdists import CARGO, CRATES, SETUPTOOLS
from tests.support.sandboxes import working
from tests.support.yard import TARGET, Yard
from wheelyard import prefetch

SYSTEM = "/usr/bin"
"""Where a sandbox of this machine has programs from."""

MODULE = CRATES["src/lib.rs"].replace(
    '"{}, by {}", std::env::consts::ARCH, env!("BUILT_BY")', '"{}", itoa::Buffer::new().format(6 * 7)'
)
PYPROJECT = """\
[build-system]
requires = ["hatchling", "hatch-jupyter-builder"]
build-backend = "hatchling.build"
[project]
name = "widget"
version = "1.0"
[tool.hatch.build.targets.wheel]
artifacts = ["widget/static"]
[tool.hatch.build.hooks.jupyter-builder]
build-function = "hatch_jupyter_builder.npm_builder"
ensured-targets = ["widget/static/made.json"]
"""
SCRIPT = """\
const fs = require("fs");
fs.mkdirSync("widget/static", { recursive: true });
fs.writeFileSync("widget/static/made.json", JSON.stringify(require("@example/answer")));
"""


@pytest.mark.network
@pytest.mark.skipif(not Path(SYSTEM, "cargo").exists(), reason="cargo is not installed")
@pytest.mark.skipif(not DEBIAN.is_dir(), reason="librust-itoa-dev is not installed")
def test_crates_from_a_lock_that_is_made_to_the_papers(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = LocalRegistry(tmp_path / "registry")
    registry.add_debian({"itoa"})
    monkeypatch.setenv("CARGO_HOME", str(registry.configure(tmp_path / "cargo")))
    path = f"{SYSTEM}:{os.environ['PATH']}"  # the cargo that the sandbox has, not one of the user's home
    needs = ["setuptools==80.9.0", "setuptools-rust==1.12.0", "semantic-version==2.10.0"]
    download(yard.shop, f"3.{sys.version_info[1]}", *needs)
    files = {**CRATES, "src/lib.rs": MODULE, "Cargo.toml": f'{CARGO}itoa = "1"\n', "pyproject.toml": SETUPTOOLS}
    make_sdist(yard.shop, "rusty", "1.0", {name: text for name, text in files.items() if name != "Cargo.lock"})
    yard.write("rusty\n")
    yard.build("--no-prove", PATH=path)

    made = yard.root / "rusty-1.0.Cargo.lock"
    assert 'name = "itoa"' in made.read_text()
    assert made.name in (yard.root / f"pylock.{TARGET}.toml").read_text()
    assert yard.run("report").code == 0
    (url,) = (row["prefetched"] for row in json.loads((yard.wheelhouse / "provenance.json").read_bytes()).values()
              if "prefetched" in row)  # fmt: skip
    assert url[0].startswith("pkg:cargo/itoa@1.")
    assert url[0].rpartition("checksum=")[2] in (yard.wheelhouse / "sbom.cdx.json").read_text()
    (wheel,) = yard.folder.glob("rusty-*.whl")
    assert wheel.name.startswith("rusty-1.0-cp3")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    said = f"import sys; sys.path[:0] = [{str(tmp_path / 'unpacked')!r}]; import rusty; print(rusty.built_for)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "42\n"

    # From the store and the locks alone, the same bytes again.
    first = wheel.read_bytes()
    shutil.rmtree(registry.folder)
    for folder in (yard.wheelhouse, yard.root / "cache" / "builds", yard.root / "cache" / "prefetch"):
        shutil.rmtree(folder)
    yard.build("--no-prove", PATH=path)
    assert wheel.read_bytes() == first


@pytest.mark.network
@pytest.mark.skipif(not Path(SYSTEM, "npm").exists(), reason="npm is not installed")
def test_an_extension_that_npm_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, working("bubblewrap"))
    with NpmRegistry() as registry:
        registry.add("@example/answer", "4.2.0", {"index.js": 'module.exports = { answer: require("whole") };\n'})
        registry.add("whole", "1.0.0", {"index.js": "module.exports = 42;\n"})
        monkeypatch.setenv("npm_config_registry", registry.url)
        monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
        package = {
            "name": "widget",
            "version": "1.0.0",
            "scripts": {"build": "node make.js"},
            "dependencies": {"@example/answer": "^4.0.0", "whole": "1.0.0"},
        }
        files = {"pyproject.toml": PYPROJECT, "package.json": json.dumps(package), "make.js": SCRIPT}
        files |= {"package-lock.json": registry.lock(package, without={"whole"}), "widget/__init__.py": ""}
        needs = ["hatchling==1.27.0", "hatch-jupyter-builder==0.9.1", "packaging==25.0", "pathspec==0.12.1"]
        needs += ["pluggy==1.6.0", "trove-classifiers==2025.9.11.17"]
        locked = bench.package(
            make_sdist(tmp_path / "sdists", "widget", "1.0", files),
            build_requirements=environment(bench.store, tmp_path, *needs),
        )
        needed = prefetch.needs(locked, (), bench.store)
        assert prefetch.fetch(needed, store=bench.store, root=tmp_path, where="widget 1.0") == 2
    (built,) = bench.build(locked)
    assert [url.partition("?")[0] for url in built.prefetched] == [
        "pkg:npm/%40example/answer@4.2.0",
        "pkg:npm/whole@1.0.0",
    ]
    assert json.loads(bench.wheel(built).read("widget/static/made.json")) == {"answer": 42}
