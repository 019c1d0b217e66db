"""A bundle carries what its wheelhouse was built of, and Wheelyard itself: it is built again without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.asked_sdists import BACKEND
from tests.support.packages import make_sdist, make_wheel
from tests.support.yard import Yard
from wheelyard.bundle.sources import LIST, place_of
from wheelyard.domain.errors import ConfigError, HashMismatchError, VerificationError
from wheelyard.stages import carrying
from wheelyard.stages.carrying import unpack
from wheelyard.stages.packing import pack
from wheelyard.store.blobs import Store

_PATCH = """\
--- a/info.json
+++ b/info.json
@@ -1 +1 @@
-{"name": "demo", "version": "1.0", "requires": []}
+{"name": "demo", "version": "1.0", "requires": [], "patched": true}
"""


@pytest.fixture
def carried(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a bundle with sources and a small stand-in for Wheelyard was imported into."""
    make_wheel(yard.shop, "helper", "1.0")
    make_wheel(yard.shop, "wheelyard", "0.1", files={"wheelyard.py": "here = True\n"})
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["helper"]\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": BACKEND,
        "info.json": '{"name": "demo", "version": "1.0", "requires": []}\n',
    }
    make_sdist(yard.shop, "demo", "1.0", files)
    (yard.root / "patches").mkdir()
    (yard.root / "patches/demo.patch").write_text(_PATCH)
    yard.write("-r more.txt\n", **{"packages.demo": 'patches = ["patches/demo.patch"]'})
    (yard.root / "more.txt").write_text("demo\n")
    built = yard.run("build", "--no-prove")
    assert built.code == 0, built.err
    for name, value in yard.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(carrying, "_own_requirement", lambda: "wheelyard==0.1")
    disk = tmp_path / "disk.tar"
    pack(yard.wheelhouse, disk, sources_of=yard.root / "wheelyard.toml", itself=True, store=Store(yard.root / "cache"))
    imported = yard.run("import", str(disk), "--into", str(tmp_path / "site"), "--allow-unsigned")
    assert imported.code == 0, imported.err
    return tmp_path / "site"


def test_what_was_carried_is_built_again_without_an_index(yard: Yard, carried: Path, tmp_path: Path) -> None:
    venv = tmp_path / "tool"
    installer = carried / "current/wheelyard/install.py"
    subprocess.run([sys.executable, "-I", installer, "--allow-unsigned", "--venv", venv], check=True)
    subprocess.run([venv / "bin/python", "-c", "import wheelyard; assert wheelyard.here"], check=True)
    before = {path.name: path.read_bytes() for path in yard.folder.glob("*.whl")}
    assert [name.split("-")[0] for name in before] == ["demo"]
    shutil.rmtree(yard.shop)
    shutil.rmtree(yard.root)
    yard.root.mkdir()
    yard.index.requests.clear()
    unpacked = yard.run("init", "--from-sources", str(carried))
    assert unpacked.code == 0, unpacked.err
    assert (yard.root / "patches/demo.patch").read_text() == _PATCH
    again = yard.run("build")
    assert again.code == 0, again.err
    assert {path.name: path.read_bytes() for path in yard.folder.glob("*.whl")} == before
    assert yard.index.requests == []
    twice = yard.run("init", "--from-sources", str(carried))
    assert (twice.code, "is there already" in twice.err) == (ConfigError.exit_code, True)
    refuses_what_is_damaged(carried, tmp_path)


def refuses_what_is_damaged(carried: Path, tmp_path: Path) -> None:
    root, store = (carried / "current").resolve(), Store(tmp_path / "store")
    listed = json.loads((root / LIST).read_text())
    blob = root / place_of(next(file["sha256"] for file in listed["files"] if file["name"].endswith(".tar.gz")))
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes() + b"more")
    with pytest.raises(HashMismatchError, match="expected sha256"):
        unpack(carried, tmp_path / "out", store=store)
    assert not (tmp_path / "out").exists()
    (root / LIST).write_text("{}")
    with pytest.raises(VerificationError, match="the list of sources is damaged"):
        unpack(carried, tmp_path / "out", store=store)
    (root / LIST).unlink()
    with pytest.raises(ConfigError, match="no sources are carried there"):
        unpack(carried, tmp_path / "out", store=store)
